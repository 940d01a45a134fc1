"""Describe the JSON documents about what happened at the doors, for OpenAPI."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from onlyme.serve.schemas import make_config

__all__ = [
    "DOCUMENTS",
    "EventPage",
    "EventRecord",
    "UnknownErased",
    "UnknownList",
    "UnknownNamed",
]


class EventRecord(BaseModel):
    """What happened at a door."""

    event: str = Field(description="Such as `known`, `unknown`, `left` or `camera_down`.")
    camera: str = Field(description="Its name.")
    at: datetime
    name: str | None = Field(description="Who was recognised.")
    names: list[str] = Field(description="Of an ambiguous visit, the two nearest people.")
    visit: int = Field(description="Its number; it counts from 1 for each camera and program.")
    seconds: float = Field(description="How long the visit had lasted.")
    far: float | None = Field(description="The rate that the person's alpha stood for.")
    fpir: float | None = Field(description="How often a stranger is taken for any person.")
    margin: float | None
    liveness: str = Field(description="`off`, `live`, `attack` or `undecided`.")
    score: float | None = Field(description="Of liveness, 0 to 1.")
    opened: bool = Field(description="Whether the visit could open something.")
    id: str


class EventPage(BaseModel):
    """A page of events, the newest first."""

    model_config = make_config(events=[], next="1764123456789-17")
    events: list[EventRecord]
    next: str | None = Field(description="For `before` of the next page; null at the end.")


class UnknownSighting(BaseModel):
    """One visit of a person without a name."""

    visit: str = Field(description="For `/v1/unknown/pictures/{visit}`.")
    camera: str
    at: datetime = Field(description="When it ended.")
    seconds: float = Field(description="How long it lasted.")


class UnknownPerson(BaseModel):
    """Unknown visits that seem to be those of one person."""

    group: str
    visits: int = Field(description="How many.")
    first: datetime
    last: datetime
    cameras: list[str]
    ambiguous: bool = Field(
        description="A single visit that resembles two groups, or one that another network saw."
    )
    seen: list[UnknownSighting] = Field(description="The visits, the oldest first.")


class UnknownList(BaseModel):
    """The people without a name of whom something is kept."""

    model_config = make_config(days=7.0, groups=[])
    days: float = Field(description="Days after which visits are erased; 0 keeps none.")
    groups: list[UnknownPerson]


class UnknownNamed(BaseModel):
    """A person who was unknown is enrolled in the gallery."""

    model_config = make_config(name="ada", group="0123456789ab", embeddings=16)
    name: str
    group: str = Field(description="The group, which is erased.")
    embeddings: int = Field(description="How many the person was enrolled with.")


class UnknownErased(BaseModel):
    """What was kept of unknown people is erased."""

    model_config = make_config(erased=["0123456789ab"], notes=[])
    erased: list[str]
    notes: list[str] = Field(description="What could not be erased, and why.")


DOCUMENTS: list[type[BaseModel]] = [
    EventRecord,
    EventPage,
    UnknownSighting,
    UnknownPerson,
    UnknownList,
    UnknownNamed,
    UnknownErased,
]
"""All documents about events that the service sends."""
