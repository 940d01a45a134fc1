"""Choose the face of a photo that the photo is about."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from onlyme.face.detect import MIN_SURE_SCORE
from onlyme.types import Reason

if TYPE_CHECKING:
    from onlyme.types import Face

__all__ = ["MIN_PROMINENCE_RATIO", "VERSION", "choose_subject", "list_certain"]

VERSION: Final = 1
"""Raise it when a change here chooses another face; see `onlyme.face.versions`."""

MIN_PROMINENCE_RATIO = 2.0
"""The subject is at least this many times as prominent as any other face."""


def choose_subject(faces: list[Face], shape: tuple[int, ...]) -> Face | Reason:
    """Return the subject of a photo, or the reason why there is none.

    The subject is large and near the middle. Where two faces are about equally prominent,
    the photo may be of either person; a guess could use one person's face for the other.
    Uncertain detections are ignored beside certain ones.

    Args:
        faces: every face of one frame.
        shape: the frame's height and width in pixels; further numbers are ignored.

    Returns:
        The subject; or `Reason.NO_FACE`, or `Reason.MANY_FACES`.
    """
    candidates = list_certain(faces)
    if not candidates:
        return Reason.NO_FACE
    ranked = sorted(candidates, key=lambda face: -_measure_prominence(face, shape))
    first = _measure_prominence(ranked[0], shape)
    if len(ranked) > 1 and _measure_prominence(ranked[1], shape) * MIN_PROMINENCE_RATIO > first:
        return Reason.MANY_FACES
    return ranked[0]


def list_certain(faces: list[Face]) -> list[Face]:
    """Return the certain detections; all of them where none is certain."""
    return [face for face in faces if face.score >= MIN_SURE_SCORE] or faces


def _measure_prominence(face: Face, shape: tuple[int, ...]) -> float:
    """Return the area, less far from the middle: an eighth at the middle of the frame's edge."""
    height, width = shape[:2]
    x, y, w, h = (float(value) for value in face.box)
    away = math.hypot(x + w / 2 - width / 2, y + h / 2 - height / 2) / (max(width, height) / 2)
    return face.area * math.exp(-2 * away**2)
