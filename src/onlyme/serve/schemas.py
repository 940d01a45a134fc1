"""Describe the JSON documents of the service for OpenAPI, with examples.

The documents themselves are made elsewhere: `onlyme.faceid.serialize` makes those that the command
line prints as well. Tests check that the two agree.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from onlyme.gate.audit import Event
from onlyme.types import ExampleKind, LivenessLevel, Reason, Verdict

__all__ = [
    "DOCUMENTS",
    "Certificate",
    "Decided",
    "Entry",
    "Forgotten",
    "GalleryMember",
    "Health",
    "Learned",
    "Listed",
    "NotMeResult",
    "Outdated",
    "Person",
    "PhotoQuality",
    "Problem",
    "Removed",
    "Renamed",
    "StoredExample",
    "Tuned",
    "Verdicts",
    "make_config",
]


def make_config(**fields: Any) -> ConfigDict:
    """Return the configuration of a document with an example."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Health(BaseModel):
    """The service runs."""

    status: Literal["ok"]


class Problem(BaseModel):
    """Why a request was refused or failed (RFC 9457)."""

    model_config = make_config(
        type="urn:onlyme:problem:unknown-owner",
        title="Not Found",
        status=404,
        detail="no person of that name is enrolled",
    )
    type: str = Field(description="A stable identifier for programs.")
    title: str
    status: int
    detail: str = Field(description="A sentence for people that says what to do.")


class ListedCandidate(BaseModel):
    """A person whom a face resembles; it is no answer."""

    name: str
    margin: float
    alpha: float
    reached: bool


class Verdicts(BaseModel):
    """A decision, as far as a token for `verify` may see it."""

    model_config = make_config(accepted=True, name="ada", reason="match")
    accepted: bool
    name: str | None = Field(description="The person; null if no person matched.")
    reason: Reason
    assertion: str | None = Field(
        default=None,
        description="A signed assertion (JWT), if one was asked for and the face was accepted.",
    )
    candidates: list[ListedCandidate] | None = Field(
        default=None, description="Only where `identify` was asked for them."
    )


class Seen(BaseModel):
    """The result of the liveness check."""

    level: LivenessLevel
    verdict: Verdict | None
    score: float | None = Field(ge=0, le=1)
    note: str = ""


class Decided(Verdicts):
    """A decision, as a token for `admin` or the page sees it."""

    model_config = make_config(
        accepted=True,
        name="ada",
        reason="match",
        margin=0.636,
        alpha=0.152,
        far=0.0001,
        liveness={"level": "passive", "verdict": "live", "score": 0.94},
        frames=1,
        timings_ms={"image": 4.4, "detect": 3.6, "embed": 9.0, "decide": 0.3, "liveness": 3.7},
    )
    margin: float | None
    alpha: float | None
    far: float | None
    liveness: Seen
    frames: int
    timings_ms: dict[str, float]


class Check(BaseModel):
    """One measured property of a photo."""

    name: str
    value: float
    unit: str
    ok: bool
    advice: str


class PhotoQuality(BaseModel):
    """How usable a photo is."""

    checks: list[Check]


class Report(BaseModel):
    """Whether one photo was used."""

    source: str = Field(description="The photo's field and number, such as `me 1`.")
    taken: bool
    note: str
    quality: PhotoQuality | None


class Learned(BaseModel):
    """The result of enrolling a person."""

    model_config = make_config(
        name="ada",
        me=[{"source": "me 1", "taken": True, "note": "", "quality": None}],
        not_me=[],
        alpha=0.152,
        far=0.0001,
        notes=["learned from 1 photo"],
        advice=["a photo from another day would help"],
        created="2026-11-24T03:44:27+00:00",
        seconds=1.2,
        far_alike=0.002,
        taken=1,
    )
    name: str
    me: list[Report]
    not_me: list[Report]
    alpha: float
    far: float | None
    notes: list[str]
    advice: list[str]
    created: datetime
    seconds: float
    far_alike: float | None
    taken: int


class Person(BaseModel):
    """What is stored of a person, without any embedding."""

    model_config = make_config(
        name="ada",
        where="vault",
        needs_reenroll=False,
        photos=5,
        not_me=0,
        look_alikes=1,
        alpha=0.152,
        far=0.0001,
        created="2026-11-24T03:44:27+00:00",
    )
    name: str
    where: Literal["vault"]
    needs_reenroll: Literal[False]
    photos: int
    not_me: int
    look_alikes: int
    alpha: float
    far: float | None
    created: datetime


class GalleryMember(BaseModel):
    """A person in the gallery; all of them share one rate."""

    model_config = make_config(
        name="bob",
        where="gallery",
        needs_reenroll=False,
        photos=3,
        created="2026-11-24T03:44:27+00:00",
    )
    name: str
    where: Literal["gallery"]
    needs_reenroll: Literal[False]
    photos: int
    created: datetime


class Listed(BaseModel):
    """One of all enrolled people."""

    model_config = make_config(
        name="ada",
        where="vault",
        photos=5,
        created="2026-11-24T03:44:27+00:00",
        needs_reenroll=False,
    )
    name: str
    where: Literal["vault", "gallery"]
    photos: int
    created: datetime | None
    needs_reenroll: bool


class Renamed(BaseModel):
    """A person has another name."""

    model_config = make_config(name="ada", was="ada l")
    name: str
    was: str


class Outdated(BaseModel):
    """A person whose template was made by another network."""

    name: str
    where: Literal["vault"]
    needs_reenroll: Literal[True]


class Measure(BaseModel):
    """One measured property of an example."""

    name: str
    value: float
    unit: str


class StoredExample(BaseModel):
    """What is known of one picture that a person was learned from; neither pixels nor embedding."""

    model_config = make_config(
        number=3,
        added="2026-11-24T03:44:27+00:00",
        kind="camera",
        look="glasses",
        quality=[{"name": "size", "value": 212, "unit": "pixels"}],
    )
    number: int
    added: datetime | None = Field(description="null where it was not noted.")
    kind: ExampleKind
    look: str = Field(description="Empty without one.")
    quality: list[Measure]


class Removed(BaseModel):
    """Examples of a person were removed."""

    model_config = make_config(name="ada", left=4, notes=[])
    name: str
    left: int = Field(description="The number of examples that the person is now known by.")
    notes: list[str] = Field(description="What could not be erased, such as backups.")


class Forgotten(BaseModel):
    """A person was erased."""

    model_config = make_config(name="ada", forgotten=True)
    name: str
    forgotten: Literal[True]


class Tuned(BaseModel):
    """The person's alpha, and what it is expected to cost."""

    model_config = make_config(
        name="ada",
        alpha=0.2,
        far=1e-05,
        miss=0.009,
        miss_interval=[0.007, 0.012],
        miss_people=108,
        alpha_before=0.152,
        far_alike=0.0002,
    )
    name: str
    alpha: float
    far: float | None
    miss: float | None
    miss_interval: tuple[float, float] | None
    miss_people: int
    alpha_before: float
    far_alike: float | None


class NotMeResult(BaseModel):
    """What changed by teaching the face of another person, or by taking that back."""

    model_config = make_config(
        name="ada",
        margin_before=0.21,
        margin_after=-0.08,
        own_before=[0.63, 0.59],
        own_after=[0.62, 0.58],
        alpha_before=0.152,
        alpha_after=0.149,
    )
    name: str
    margin_before: float
    margin_after: float
    own_before: list[float]
    own_after: list[float]
    alpha_before: float
    alpha_after: float


class Certificate(BaseModel):
    """What an alpha promises, and on what evidence; see the how-to on the certificate."""

    model_config = ConfigDict(extra="allow")
    alpha: float
    far: float
    photos: int


class Entry(BaseModel):
    """One line of the log."""

    model_config = make_config(
        event="attempt",
        owner="ada",
        source="service",
        verdict="accepted",
        reason="match",
        margin=0.636,
        liveness="live",
        detail="",
        at="2026-11-24T03:44:27.123+00:00",
        number=17,
    )
    event: Event
    owner: str | None
    source: str
    verdict: str
    reason: str
    margin: float | None
    liveness: str
    detail: str
    at: datetime
    number: int


DOCUMENTS: list[type[BaseModel]] = [
    *(Health, Verdicts, Decided, Learned, Person, GalleryMember, Outdated, Forgotten, Renamed),
    *(Listed, StoredExample, Removed),
    *(Tuned, NotMeResult, Certificate, Entry, Problem),
]
"""All documents that the service sends."""
