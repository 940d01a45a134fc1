"""Describe the JSON documents about what happened at the doors, for OpenAPI."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from onlyme.serve.schemas import make_config

__all__ = ["DOCUMENTS", "EventPage", "EventRecord"]


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


DOCUMENTS: list[type[BaseModel]] = [EventRecord, EventPage]
"""All documents about events that the service sends."""
