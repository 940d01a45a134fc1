"""The JSON documents about faces, events and assertions.

Written by tools/rest_client.py from the service's OpenAPI document; do not edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

if TYPE_CHECKING:
    from onlyme.serve.client.documents import Check, ListedCandidate, LivenessLevel, Reason, Seen


class AssertionClaims(TypedDict):
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


class Compared(TypedDict):
    """Whether two pictures show one person, as far as a token for `verify` may see it."""

    same: bool | None


class ComparedInFull(TypedDict):
    """Whether two pictures show one person, as a token for `scores` or `admin` sees it."""

    same: bool | None
    distance: float
    margin: float
    alpha: float | None
    far: float | None


class Detections(TypedDict):
    """The faces of a picture, the largest first."""

    width: int
    height: int
    faces: list[LocatedFace]


class Embedded(TypedDict):
    """The faces of a picture, the largest first, with their embeddings: biometric data."""

    model: str
    width: int
    height: int
    faces: list[EmbeddedFace]


class EmbeddedFace(TypedDict):
    """A face of a picture, with its embedding."""

    box: list[float]
    score: float
    landmarks: list[list[float]]
    quality: JudgedQuality
    embedding: list[float]


class EventPage(TypedDict):
    """A page of events, the newest first."""

    events: list[EventRecord]
    next: str | None


class EventRecord(TypedDict):
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


class FoundFace(TypedDict):
    """A face of a picture, and who it is, as far as a token for `verify` may see it."""

    accepted: bool
    name: str | None
    reason: Reason
    assertion: NotRequired[str | None]
    box: list[float]
    score: float
    landmarks: list[list[float]]
    quality: JudgedQuality


class FoundFaceInFull(TypedDict):
    """A face of a picture, and who it is, as tokens for `scores` or `admin`, or the page see it."""

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
    box: list[float]
    score: float
    landmarks: list[list[float]]
    quality: JudgedQuality


class FoundFaces(TypedDict):
    """Who the faces of a picture are, as far as a token for `verify` may see it."""

    width: int
    height: int
    faces: list[FoundFace]


class FoundFacesInFull(TypedDict):
    """Who the faces of a picture are, as a token for `scores` or `admin`, or the page sees it."""

    width: int
    height: int
    faces: list[FoundFaceInFull]


class JudgedQuality(TypedDict):
    """How usable a photo is, and whether it is good enough to enroll."""

    checks: list[Check]
    ok: bool


class Jwk(TypedDict):
    """One public key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class Jwks(TypedDict):
    """The public keys that check assertions (RFC 7517)."""

    keys: list[Jwk]


class LocatedFace(TypedDict):
    """Where a face is in a picture."""

    box: list[float]
    score: float
    landmarks: list[list[float]]
    quality: JudgedQuality


SeenBy = Literal["picture", "frames", "stream"]
"""How the service came to see a face: the claim `src`."""
