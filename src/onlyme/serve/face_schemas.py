"""Describe the JSON documents about faces of no enrolled person, for OpenAPI."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from onlyme.serve.schemas import Decided, PhotoQuality, Verdicts, make_config

__all__ = [
    "DOCUMENTS",
    "Compared",
    "ComparedInFull",
    "Detections",
    "FoundFaces",
    "FoundFacesInFull",
]


class JudgedQuality(PhotoQuality):
    """How usable a photo is, and whether it is good enough to enroll."""

    ok: bool


_FACE: dict[str, Any] = {
    "box": [210.4, 96.1, 120.7, 160.2],
    "score": 0.93,
    "landmarks": [[240, 160], [300, 160], [270, 190], [245, 220], [295, 220]],
    "quality": {"ok": True, "checks": []},
}
"""An example of where a face is."""


class LocatedFace(BaseModel):
    """Where a face is in a picture."""

    box: list[float] = Field(description="Left, top, width and height, in pixels.")
    score: float = Field(ge=0, le=1)
    landmarks: list[list[float]] = Field(
        description="x and y of the right and left eye, the nose, and the corners of the mouth."
    )
    quality: JudgedQuality


class Detections(BaseModel):
    """The faces of a picture, the largest first."""

    model_config = make_config(
        width=640,
        height=480,
        faces=[_FACE],
    )
    width: int
    height: int
    faces: list[LocatedFace]


class FoundFace(LocatedFace, Verdicts):
    """A face of a picture, and who it is, as far as a token for `verify` may see it."""


class FoundFaces(BaseModel):
    """Who the faces of a picture are, as far as a token for `verify` may see it."""

    model_config = make_config(
        width=640,
        height=480,
        faces=[_FACE | {"accepted": True, "name": "ada", "reason": "match"}],
    )
    width: int
    height: int
    faces: list[FoundFace]


class FoundFaceInFull(LocatedFace, Decided):
    """A face of a picture, and who it is, as a token for `admin` or the page sees it."""

    model_config = ConfigDict(json_schema_extra=None)


class FoundFacesInFull(BaseModel):
    """Who the faces of a picture are, as a token for `admin` or the page sees it."""

    width: int
    height: int
    faces: list[FoundFaceInFull]


class EmbeddedFace(LocatedFace):
    """A face of a picture, with its embedding."""

    embedding: list[float] = Field(description="A vector of length 1.")


class Embedded(BaseModel):
    """The faces of a picture, the largest first, with their embeddings: biometric data."""

    model: str = Field(description="SHA-256 of the network; embeddings of others do not compare.")
    width: int
    height: int
    faces: list[EmbeddedFace]


class Compared(BaseModel):
    """Whether two pictures show one person, as far as a token for `verify` may see it."""

    model_config = make_config(same=True)
    same: bool | None = Field(description="null for a network without calibration.")


class ComparedInFull(Compared):
    """Whether two pictures show one person, as a token for `scores` or `admin` sees it."""

    model_config = make_config(same=True, distance=0.81, margin=0.42, alpha=0.2, far=0.0001)
    distance: float = Field(ge=0, le=2)
    margin: float
    alpha: float | None
    far: float | None


DOCUMENTS: list[type[BaseModel]] = [
    *(Detections, Embedded, FoundFaces, FoundFacesInFull, Compared, ComparedInFull)
]
"""The documents of these routes."""
