"""Draw what was found on a picture: boxes, names, margins, landmarks and meshes.

>>> import numpy as np
>>> from onlyme import Face
>>> face = Face(np.array([20, 30, 60, 80], np.float32), np.zeros((5, 2), np.float32), 0.9)
>>> grey = np.full((150, 200, 3), 128, np.uint8)
>>> drawn = draw_faces(grey, [FaceLabel(face, "Ada Păpăluță", accepted=True)])
>>> drawn.shape, bool((grey == 128).all())
((150, 200, 3), True)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onlyme.types import Decision, Face, MeshFace

__all__ = ["FaceLabel", "draw_faces", "label_decision"]

ACCEPTED: Final = (0, 158, 115)
REJECTED: Final = (213, 94, 0)
NEUTRAL: Final = (86, 180, 233)
"""Colours that people who see red and green alike tell apart (Okabe and Ito, 2008)."""

MIN_FONT_PIXELS: Final = 11

_FARTHEST_PIXELS: Final = 30_000


@dataclass(frozen=True, slots=True)
class FaceLabel:
    """A face with what to write beside it.

    Attributes:
        face: where it is; None writes the text into the corner of the picture.
        text: one short line.
        accepted: True is drawn in green, False in orange, None in blue.
        mesh: points to draw on the face; None for none.
    """

    face: Face | None
    text: str
    accepted: bool | None = None
    mesh: MeshFace | None = None


def label_decision(face: Face | None, decision: Decision) -> FaceLabel:
    """Return the label of a decision: the name or NOT and the name, and the margin.

    >>> from onlyme import Decision, Reason
    >>> label_decision(None, Decision(False, "ada", Reason.NO_MATCH, -0.25, 0.1)).text
    'NOT ada -0.25'
    """
    margin = "" if decision.margin is None else f" {decision.margin:+.2f}"
    reason = decision.reason.value
    if decision.accepted:
        text = f"{decision.name}{margin}"
    elif reason == "no_match":
        text = f"NOT {decision.name}{margin}" if decision.name else f"no enrolled person{margin}"
    else:
        text = reason.replace("_", " ")
    return FaceLabel(face, text, decision.accepted)


def draw_faces(pixels: NDArray[np.uint8], labels: Sequence[FaceLabel]) -> NDArray[np.uint8]:
    """Return a copy of a picture with boxes around faces and texts beside them.

    Args:
        pixels: uint8[h, w, 3], RGB.
        labels: the faces; the last is drawn on top.
    """
    import cv2

    picture = np.ascontiguousarray(pixels).copy()
    size = max(MIN_FONT_PIXELS, round(min(pixels.shape[:2]) / 28))
    corner = 0
    for label in labels:
        colour = {True: ACCEPTED, False: REJECTED, None: NEUTRAL}[label.accepted]
        if label.mesh is not None:
            for x, y in label.mesh.points[:, :2].tolist():
                cv2.circle(picture, (_round(x), _round(y)), max(1, size // 12), colour, cv2.FILLED)
        if label.face is None:
            _write(picture, (size // 2, size // 2 + corner), label.text, size, colour)
            corner += size * 3 // 2
            continue
        left, top, width, height = (float(value) for value in label.face.box)
        right, bottom = max(left + width, left), max(top + height, top)
        corners = (_round(left), _round(top)), (_round(right), _round(bottom))
        cv2.rectangle(picture, *corners, colour, max(2, size // 8))
        place = max(0, _round(left)), max(0, _round(top) - size * 3 // 2)
        _write(picture, place, label.text, size, colour)
    return picture


def _round(value: float) -> int:
    """Return a place that OpenCV can draw at; far outside of the picture it is all the same."""
    return round(min(max(value, -_FARTHEST_PIXELS), _FARTHEST_PIXELS))


def _write(
    picture: NDArray[np.uint8],
    place: tuple[int, int],
    text: str,
    size: int,
    colour: tuple[int, int, int],
) -> None:
    """Write a line below and right of a place, on a ground of the colour."""
    import cv2

    line = "".join(sign if sign.isprintable() else "�" for sign in text)[:80]
    # OpenCV's font with the most scripts: Latin, Greek, Cyrillic, Hebrew, Arabic, Chinese, Japanese
    # and Korean. What it does not have, it draws as question marks.
    font, baseline = cv2.FontFace("uni"), (place[0], place[1] + size)
    height, width = picture.shape[:2]
    left, top, wide, high = cv2.getTextSize((width, height), line, baseline, font, size)
    pad = max(2, high // 6)
    ground = (left - pad, top - pad), (left + wide + pad, top + high + pad)
    cv2.rectangle(picture, *ground, colour, cv2.FILLED)
    cv2.putText(picture, line, baseline, (255, 255, 255), font, size)
