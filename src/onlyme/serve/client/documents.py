"""The JSON documents of the REST service, as types.

Written by tools/rest_client.py from the service's OpenAPI document; do not edit.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class CertificateDocument(TypedDict):
    """What an alpha promises, and on what evidence; see the how-to on the certificate."""

    alpha: float
    far: float
    photos: int


class CheckDocument(TypedDict):
    """One measured property of a photo."""

    name: str
    value: float
    unit: str
    ok: bool
    advice: str


class DecidedDocument(TypedDict):
    """A decision, as a token for `admin` or the page sees it."""

    accepted: bool
    name: str | None
    reason: Reason
    assertion: NotRequired[str | None]
    candidates: NotRequired[list[ListedCandidateDocument] | None]
    margin: float | None
    alpha: float | None
    far: float | None
    liveness: SeenDocument
    frames: int
    timings_ms: dict[str, float]


class EntryDocument(TypedDict):
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
    "setting",
    "token",
]
"""What happened."""

ExampleKind = Literal["photo", "camera", "video", "embedding", "unknown"]
"""What an example was taken from."""


class ForgottenDocument(TypedDict):
    """A person was erased."""

    name: str
    forgotten: Literal[True]


class GalleryMemberDocument(TypedDict):
    """A person in the gallery; all of them share one rate."""

    name: str
    where: Literal["gallery"]
    needs_reenroll: Literal[False]
    photos: int
    created: str


class HealthDocument(TypedDict):
    """The service runs."""

    status: Literal["ok"]


class LearnedDocument(TypedDict):
    """The result of enrolling a person."""

    name: str
    me: list[ReportDocument]
    not_me: list[ReportDocument]
    alpha: float
    far: float | None
    notes: list[str]
    advice: list[str]
    created: str
    seconds: float
    far_alike: float | None
    taken: int


class ListedDocument(TypedDict):
    """One of all enrolled people."""

    name: str
    where: Literal["vault", "gallery"]
    photos: int
    created: str | None
    needs_reenroll: bool


class ListedCandidateDocument(TypedDict):
    """A person whom a face resembles; it is no answer."""

    name: str
    margin: float
    alpha: float
    reached: bool


LivenessLevel = Literal["off", "passive", "challenge"]
"""How thoroughly to check for a photo or a screen in place of a person."""


class MeasureDocument(TypedDict):
    """One measured property of an example."""

    name: str
    value: float
    unit: str


class NotMeResultDocument(TypedDict):
    """What changed by teaching the face of another person, or by taking that back."""

    name: str
    margin_before: float
    margin_after: float
    own_before: list[float]
    own_after: list[float]
    alpha_before: float
    alpha_after: float


class OutdatedDocument(TypedDict):
    """A person whose template was made by another network."""

    name: str
    where: Literal["vault"]
    needs_reenroll: Literal[True]


class PersonDocument(TypedDict):
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


class PhotoQualityDocument(TypedDict):
    """How usable a photo is."""

    checks: list[CheckDocument]


class ProblemDocument(TypedDict):
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


class RemovedDocument(TypedDict):
    """Examples of a person were removed."""

    name: str
    left: int
    notes: list[str]


class RenamedDocument(TypedDict):
    """A person has another name."""

    name: str
    was: str


class ReportDocument(TypedDict):
    """Whether one photo was used."""

    source: str
    taken: bool
    note: str
    quality: PhotoQualityDocument | None


class SeenDocument(TypedDict):
    """The result of the liveness check."""

    level: LivenessLevel
    verdict: Verdict | None
    score: float | None
    note: NotRequired[str]


class StoredExampleDocument(TypedDict):
    """What is known of one picture that a person was learned from; neither pixels nor embedding."""

    number: int
    added: str | None
    kind: ExampleKind
    look: str
    quality: list[MeasureDocument]


class TunedDocument(TypedDict):
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


class VerdictsDocument(TypedDict):
    """A decision, as far as a token for `verify` may see it."""

    accepted: bool
    name: str | None
    reason: Reason
    assertion: NotRequired[str | None]
    candidates: NotRequired[list[ListedCandidateDocument] | None]
