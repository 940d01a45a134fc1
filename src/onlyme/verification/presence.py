"""Describe what is known of a person in view of a camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.types import Decision, Face


__all__ = ["Presence", "UnknownFace", "VisitEvent", "VisitVerdict"]


class VisitVerdict(StrEnum):
    """What is known of a person in view."""

    UNDECIDED = "undecided"
    KNOWN = "known"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    NOT_LIVE = "not_live"
    LOCKED_OUT = "locked_out"


class VisitEvent(StrEnum):
    """What changed with a frame."""

    CAME = "came"
    KNOWN = "known"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    NOT_LIVE = "not_live"
    LOCKED_OUT = "locked_out"
    LEFT = "left"


@dataclass(frozen=True, slots=True, eq=False)
class UnknownFace:
    """What may be kept of a visit without a name; only where the operator asked for it.

    Attributes:
        model: the hash of the network that made the embeddings.
        vectors: float32[n, d], n ≥ 1, of the frames that are good enough to enroll with.
        picture: uint8[h, w, 3], RGB: the face in the one where it is largest.
    """

    model: str
    vectors: NDArray[np.float32] = field(repr=False)
    picture: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """A person who is in view, or was half a second ago, or has just left.

    Attributes:
        camera: the name of the camera.
        id: of the visit; counts from 1 for each camera.
        since: when the person was first seen, in seconds of the camera's clock.
        at: when the person was last seen.
        face: where that was.
        verdict: what is known of the person.
        decision: the last one about this visit; `no_match` without frames before the first.
        names: the person's name; of an ambiguous visit the two nearest people, for administrators.
        event: what changed with this frame; None where nothing did. `known` comes at most once in
            a visit.
        unknown: of a visit that left unknown, what may be kept of it, where `VisitRules.keeps`.
    """

    camera: str
    id: int
    since: float
    at: float
    face: Face
    verdict: VisitVerdict
    decision: Decision
    names: tuple[str, ...] = ()
    event: VisitEvent | None = None
    unknown: UnknownFace | None = field(default=None, repr=False)
