"""The JSON documents about faces, events and assertions.

Written by tools/rest_client.py from the service's OpenAPI document; do not edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

if TYPE_CHECKING:
    from onlyme.serve.client.documents import (
        CheckDocument,
        ListedCandidateDocument,
        LivenessLevel,
        Reason,
        SeenDocument,
    )


class AssertionClaimsDocument(TypedDict):
    """What a signed assertion says; `src` and `liveness` tell how the face was seen."""

    iss: str
    aud: str
    sub: str
    nonce: str
    iat: int
    exp: int
    jti: str
    amr: list[str]
    src: SeenBy
    liveness: LivenessLevel


class ComparedDocument(TypedDict):
    """Whether two pictures show one person, as far as a token for `verify` may see it."""

    same: bool | None


class ComparedInFullDocument(TypedDict):
    """Whether two pictures show one person, as a token for `scores` or `admin` sees it."""

    same: bool | None
    distance: float
    margin: float
    alpha: float | None
    far: float | None


class DetectionsDocument(TypedDict):
    """The faces of a picture, the largest first."""

    width: int
    height: int
    faces: list[LocatedFaceDocument]


class EmbeddedDocument(TypedDict):
    """The faces of a picture, the largest first, with their embeddings: biometric data."""

    model: str
    width: int
    height: int
    faces: list[EmbeddedFaceDocument]


class EmbeddedFaceDocument(TypedDict):
    """A face of a picture, with its embedding."""

    box: list[float]
    score: float
    landmarks: list[list[float]]
    quality: JudgedQualityDocument
    embedding: list[float]


class EventPageDocument(TypedDict):
    """A page of events, the newest first."""

    events: list[EventRecordDocument]
    next: str | None


class EventRecordDocument(TypedDict):
    """What happened at a door."""

    event: str
    camera: str
    at: str
    name: str | None
    names: list[str]
    visit: int
    seconds: float
    far: float | None
    fpir: float | None
    margin: float | None
    liveness: str
    score: float | None
    opened: bool
    id: str


class FoundFaceDocument(TypedDict):
    """A face of a picture, and who it is, as far as a token for `verify` may see it."""

    accepted: bool
    name: str | None
    reason: Reason
    assertion: NotRequired[str | None]
    candidates: NotRequired[list[ListedCandidateDocument] | None]
    box: list[float]
    score: float
    landmarks: list[list[float]]
    quality: JudgedQualityDocument


class FoundFaceInFullDocument(TypedDict):
    """A face of a picture, and who it is, as a token for `admin` or the page sees it."""

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
    box: list[float]
    score: float
    landmarks: list[list[float]]
    quality: JudgedQualityDocument


class FoundFacesDocument(TypedDict):
    """Who the faces of a picture are, as far as a token for `verify` may see it."""

    width: int
    height: int
    faces: list[FoundFaceDocument]


class FoundFacesInFullDocument(TypedDict):
    """Who the faces of a picture are, as a token for `admin` or the page sees it."""

    width: int
    height: int
    faces: list[FoundFaceInFullDocument]


class JudgedQualityDocument(TypedDict):
    """How usable a photo is, and whether it is good enough to enroll."""

    checks: list[CheckDocument]
    ok: bool


class JwkDocument(TypedDict):
    """One public key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class JwksDocument(TypedDict):
    """The public keys that check assertions (RFC 7517)."""

    keys: list[JwkDocument]


class LocatedFaceDocument(TypedDict):
    """Where a face is in a picture."""

    box: list[float]
    score: float
    landmarks: list[list[float]]
    quality: JudgedQualityDocument


SeenBy = Literal["picture", "frames", "stream"]
"""How the service came to see a face: the claim `src`."""


class UnknownErasedDocument(TypedDict):
    """What was kept of unknown people is erased."""

    erased: list[str]
    notes: list[str]


class UnknownListDocument(TypedDict):
    """The people without a name of whom something is kept."""

    days: float
    groups: list[UnknownPersonDocument]


class UnknownNamedDocument(TypedDict):
    """A person who was unknown is enrolled in the gallery."""

    name: str
    group: str
    embeddings: int


class UnknownPersonDocument(TypedDict):
    """Unknown visits that seem to be those of one person."""

    group: str
    visits: int
    first: str
    last: str
    cameras: list[str]
    ambiguous: bool
    seen: list[UnknownSightingDocument]


class UnknownSightingDocument(TypedDict):
    """One visit of a person without a name."""

    visit: str
    camera: str
    at: str
    seconds: float
