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
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

    from onlyme.types import Decision, Face, MeshFace

__all__ = ["FaceLabel", "draw_faces", "label_decision"]

ACCEPTED: Final = (0, 158, 115)
REJECTED: Final = (213, 94, 0)
NEUTRAL: Final = (86, 180, 233)
"""Colours that people who see red and green alike tell apart (Okabe and Ito, 2008)."""

MIN_FONT_PIXELS: Final = 11


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
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(np.ascontiguousarray(pixels))
    pen = ImageDraw.Draw(picture)
    size = max(MIN_FONT_PIXELS, round(min(pixels.shape[:2]) / 28))
    font = ImageFont.load_default(size)
    corner = 0
    for label in labels:
        colour = {True: ACCEPTED, False: REJECTED, None: NEUTRAL}[label.accepted]
        if label.mesh is not None:
            dot = max(1, size // 12)
            for x, y in label.mesh.points[:, :2].tolist():
                pen.ellipse((x - dot, y - dot, x + dot, y + dot), fill=colour)
        if label.face is None:
            _write(pen, (size // 2, size // 2 + corner), label.text, font, colour)
            corner += size * 3 // 2
            continue
        left, top, width, height = (float(value) for value in label.face.box)
        right, bottom = max(left + width, left), max(top + height, top)
        pen.rectangle((left, top, right, bottom), outline=colour, width=max(2, size // 8))
        _write(pen, (max(0, left), max(0, top - size * 3 // 2)), label.text, font, colour)
    return np.array(picture)


def _write(
    pen: ImageDraw,
    place: tuple[float, float],
    text: str,
    font: FreeTypeFont | ImageFont,
    colour: tuple[int, int, int],
) -> None:
    line = "".join(sign if sign.isprintable() else "�" for sign in text)[:80]
    left, top, right, bottom = pen.textbbox(place, line, font=font)
    pad = max(2.0, (bottom - top) / 6)
    pen.rectangle((left - pad, top - pad, right + pad, bottom + pad), fill=colour)
    pen.text(place, line, fill=(255, 255, 255), font=font)
