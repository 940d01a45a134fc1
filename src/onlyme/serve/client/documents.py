"""The JSON documents of the REST service, as types.

Written by tools/rest_client.py from the service's OpenAPI document; do not edit.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class Certificate(TypedDict):
    """What an alpha promises, and on what evidence; see the how-to on the certificate."""

    alpha: float
    far: float
    photos: int


class Check(TypedDict):
    """One measured property of a photo."""

    name: str
    value: float
    unit: str
    ok: bool
    advice: str


class Decided(TypedDict):
    """A decision, as a token for `scores` or `admin`, or the page sees it."""

    accepted: bool
    name: str | None
    reason: Reason
    assertion: NotRequired[str | None]
    margin: float | None
    alpha: float | None
    far: float | None
    liveness: Seen
    frames: int
    timings_ms: dict[str, float]
    candidates: NotRequired[list[ListedCandidate] | None]


class Entry(TypedDict):
    """One line of the log."""

    event: Event
    owner: str | None
    source: str
    verdict: str
    reason: str
    margin: float | None
    liveness: str
    detail: str
    at: str
    number: int


Event = Literal[
    "attempt",
    "enroll",
    "teach",
    "remove",
    "tune",
    "adapt",
    "revoke",
    "rekey",
    "export",
    "import",
    "backup",
    "restore",
    "forget",
    "rename",
    "merge",
    "reset",
    "token",
]
"""What happened."""

ExampleKind = Literal["photo", "camera", "video", "embedding", "unknown"]
"""What an example was taken from."""


class Forgotten(TypedDict):
    """A person was erased."""

    name: str
    forgotten: Literal[True]


class GalleryMember(TypedDict):
    """A person in the gallery; all of them share one rate."""

    name: str
    where: Literal["gallery"]
    needs_reenroll: Literal[False]
    photos: int
    created: str


class Health(TypedDict):
    """The service runs."""

    status: Literal["ok"]


class Learned(TypedDict):
    """The result of enrolling a person."""

    name: str
    me: list[Report]
    not_me: list[Report]
    alpha: float
    far: float | None
    notes: list[str]
    advice: list[str]
    created: str
    seconds: float
    far_alike: float | None
    taken: int


class Listed(TypedDict):
    """One of all enrolled people."""

    name: str
    where: Literal["vault", "gallery"]
    photos: int
    created: str | None
    needs_reenroll: bool


class ListedCandidate(TypedDict):
    """A person whom a face resembles; it is no answer."""

    name: str
    margin: float
    alpha: float
    reached: bool


LivenessLevel = Literal["off", "passive", "challenge"]
"""How thoroughly to check for a photo or a screen in place of a person."""


class Measure(TypedDict):
    """One measured property of an example."""

    name: str
    value: float
    unit: str


class NotMeResult(TypedDict):
    """What changed by teaching the face of another person, or by taking that back."""

    name: str
    margin_before: float
    margin_after: float
    own_before: list[float]
    own_after: list[float]
    alpha_before: float
    alpha_after: float


class Outdated(TypedDict):
    """A person whose template was made by another network."""

    name: str
    where: Literal["vault"]
    needs_reenroll: Literal[True]


class Person(TypedDict):
    """What is stored of a person, without any embedding."""

    name: str
    where: Literal["vault"]
    needs_reenroll: Literal[False]
    photos: int
    not_me: int
    look_alikes: int
    alpha: float
    far: float | None
    created: str


class PhotoQuality(TypedDict):
    """How usable a photo is."""

    checks: list[Check]


class Problem(TypedDict):
    """Why a request was refused or failed (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


Reason = Literal[
    "match",
    "no_match",
    "ambiguous",
    "no_face",
    "many_faces",
    "poor_quality",
    "not_live",
    "liveness_undecided",
    "not_attentive",
    "attention_undecided",
    "no_gesture",
    "locked_out",
]
"""Why a decision is as it is."""


class Removed(TypedDict):
    """Examples of a person were removed."""

    name: str
    left: int
    notes: list[str]


class Renamed(TypedDict):
    """A person has another name."""

    name: str
    was: str


class Report(TypedDict):
    """Whether one photo was used."""

    source: str
    taken: bool
    note: str
    quality: PhotoQuality | None


class Seen(TypedDict):
    """The result of the liveness check."""

    level: LivenessLevel
    verdict: Verdict | None
    score: float | None
    note: NotRequired[str]


class StoredExample(TypedDict):
    """What is known of one picture that a person was learned from; neither pixels nor embedding."""

    number: int
    added: str | None
    kind: ExampleKind
    look: str
    quality: list[Measure]


class Tuned(TypedDict):
    """The person's alpha, and what it is expected to cost."""

    name: str
    alpha: float
    far: float | None
    miss: float | None
    miss_interval: list[float] | None
    miss_people: int
    alpha_before: float
    far_alike: float | None


Verdict = Literal["live", "attack", "undecided"]
"""The result of a liveness check; `undecided` opens nothing."""


class Verdicts(TypedDict):
    """A decision, as far as a token for `verify` may see it."""

    accepted: bool
    name: str | None
    reason: Reason
    assertion: NotRequired[str | None]
