"""Define the values that the rooms exchange: frozen, with shape, dtype, unit and range.

A frame gives faces, a face gives an embedding, embeddings give a margin, and a margin gives a
decision. Nothing here computes or imports a room.
"""

from __future__ import annotations

from onlyme.types.decisions import (
    DEFAULT_FAR,
    MAX_ALPHA,
    MAX_FAR,
    MIN_ALPHA,
    MIN_FAR,
    AttentionLevel,
    Decision,
    Enrollment,
    IdentityCandidate,
    Lesson,
    Liveness,
    LivenessLevel,
    PhotoReport,
    Quality,
    QualityCheck,
    Reason,
    Tuning,
    Verdict,
)
from onlyme.types.examples import Example, ExampleKind
from onlyme.types.names import checked_name, find_similar_name
from onlyme.types.networks import ExtraNetwork
from onlyme.types.pictures import (
    MAX_EYE_PHOTOS,
    MAX_UNIT_LENGTH_ERROR,
    MIN_EYE_PHOTOS,
    DetectedFace,
    Embedding,
    Face,
    Frame,
    HeadReading,
    ImageLike,
    MeshFace,
    NetworkFunction,
)

__all__ = [
    "DEFAULT_FAR",
    "MAX_ALPHA",
    "MAX_EYE_PHOTOS",
    "MAX_FAR",
    "MAX_UNIT_LENGTH_ERROR",
    "MIN_ALPHA",
    "MIN_EYE_PHOTOS",
    "MIN_FAR",
    "AttentionLevel",
    "Decision",
    "DetectedFace",
    "Embedding",
    "Enrollment",
    "Example",
    "ExampleKind",
    "ExtraNetwork",
    "Face",
    "Frame",
    "HeadReading",
    "IdentityCandidate",
    "ImageLike",
    "Lesson",
    "Liveness",
    "LivenessLevel",
    "MeshFace",
    "NetworkFunction",
    "PhotoReport",
    "Quality",
    "QualityCheck",
    "Reason",
    "Tuning",
    "Verdict",
    "checked_name",
    "find_similar_name",
]

_PUBLIC = (
    AttentionLevel,
    Decision,
    DetectedFace,
    Embedding,
    Enrollment,
    Example,
    ExampleKind,
    Face,
    Frame,
    IdentityCandidate,
    Lesson,
    Liveness,
    LivenessLevel,
    PhotoReport,
    Quality,
    Reason,
    Tuning,
    Verdict,
)
for _class in _PUBLIC:
    _class.__module__ = "onlyme"  # where users find it, and what a traceback says
