"""Decide which face of a frame is meant."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from onlyme.face.detect import MIN_SURE_SCORE
from onlyme.types import Reason

if TYPE_CHECKING:
    from onlyme.types import Face

__all__ = ["MIN_PROMINENCE_RATIO", "choose_subject"]

MIN_PROMINENCE_RATIO = 2.0
"""The subject is at least this many times as prominent as any other face."""


def choose_subject(faces: list[Face], shape: tuple[int, ...]) -> Face | Reason:
    """Return the face that a photo shows, or why it cannot be told.

    Who is meant is large and near the middle. Where two faces are about as prominent
    nobody can say whose photo it is, and guessing would let one person's face answer
    for another's. Uncertain detections do not count as rivals.

    Args:
        faces: every face of one frame.
        shape: the frame's height and width in pixels, and whatever follows.

    Returns:
        The subject; or `Reason.NO_FACE`, or `Reason.MANY_FACES`.
    """
    sure = [face for face in faces if face.score >= MIN_SURE_SCORE] or faces
    if not sure:
        return Reason.NO_FACE
    ranked = sorted(sure, key=lambda face: -_measure_prominence(face, shape))
    first = _measure_prominence(ranked[0], shape)
    if len(ranked) > 1 and _measure_prominence(ranked[1], shape) * MIN_PROMINENCE_RATIO > first:
        return Reason.MANY_FACES
    return ranked[0]


def _measure_prominence(face: Face, shape: tuple[int, ...]) -> float:
    """Area, falling to an eighth of it from the middle of the frame to the middle of its edge."""
    height, width = shape[:2]
    x, y, w, h = (float(value) for value in face.box)
    away = math.hypot(x + w / 2 - width / 2, y + h / 2 - height / 2) / (max(width, height) / 2)
    return face.area * math.exp(-2 * away**2)
