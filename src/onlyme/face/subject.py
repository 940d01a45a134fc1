"""Decide which face of a frame is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.face.detect import SURE
from onlyme.types import Reason

if TYPE_CHECKING:
    from onlyme.types import Face

__all__ = ["CLEARLY", "subject"]

CLEARLY = 2.0
"""The subject's box has at least this many times the area of the next largest face's."""


def subject(faces: list[Face]) -> Face | Reason:
    """Return the face that a photo shows, or why it cannot be told.

    A person in front of the camera is much nearer than those behind. Where two faces
    are of like size nobody can say whose photo it is, and guessing would let one
    person's face answer for another's. Uncertain detections do not count as rivals.

    Args:
        faces: every face of one frame, the largest first.

    Returns:
        The subject; or `Reason.NO_FACE`, or `Reason.MANY_FACES`.
    """
    if not faces:
        return Reason.NO_FACE
    sure = [face for face in faces if face.score >= SURE]
    largest = (sure or faces)[0]
    rivals = [face for face in sure if face is not largest]
    if any(face.area * CLEARLY > largest.area for face in rivals):
        return Reason.MANY_FACES
    return largest
