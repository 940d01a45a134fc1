"""Draw faces, to compare two engines or two versions of a stage.

The package holds no photo of a person, and noise does not activate a network as a face does.
These drawings do: YuNet finds each with a score above 0.9, and the engines differ on them
about as much as on photos.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from onlyme.types import Face

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Colour = tuple[int, int, int]

__all__ = ["draw_test_faces"]

_PEOPLE: tuple[tuple[Colour, tuple[int, int], int], ...] = (
    ((224, 180, 150), (320, 230), 110),
    ((110, 75, 55), (200, 220), 90),
    ((190, 140, 105), (420, 250), 60),
)
"""Colour of the skin, middle of the face, and its scale, in pixels."""


def draw_test_faces() -> list[tuple[NDArray[np.uint8], Face]]:
    """Draw a few faces, the same each time.

    Returns:
        Of each, uint8[480, 640, 3], RGB, and the face as it was drawn.
    """
    return [_draw_face(*person) for person in _PEOPLE]


def _draw_face(skin: Colour, middle: tuple[int, int], size: int) -> tuple[NDArray[np.uint8], Face]:
    picture = np.full((480, 640, 3), (150, 170, 185), np.uint8)
    picture[300:] = (110, 95, 90)
    shade = _scale_colour(skin, 0.8)

    def to_pixels(right: float, down: float) -> tuple[int, int]:
        return int(middle[0] + right * size), int(middle[1] + down * size)

    def draw_oval(
        where: tuple[float, float], half: tuple[float, float], colour: Colour, line: float = 0
    ) -> None:
        """Fill an oval, or draw the upper half of its line."""
        axes = max(1, int(half[0] * size)), max(1, int(half[1] * size))
        thick = max(1, int(line * size)) if line else -1
        cv2.ellipse(
            picture, to_pixels(*where), axes, 0, 180 if line else 0, 360, colour, thick, cv2.LINE_AA
        )

    draw_oval((0, 1.75), (1.3, 0.8), (60, 70, 110))  # shoulders
    draw_oval((0, 0.9), (0.35, 0.5), shade)  # neck
    draw_oval((0, -0.1), (0.75, 0.95), (45, 35, 30))  # hair
    draw_oval((0, 0.1), (0.62, 0.85), skin)
    for side in (-0.26, 0.26):
        draw_oval((side, -0.08), (0.13, 0.07), (240, 240, 240))
        draw_oval((side, -0.08), (0.06, 0.06), (50, 35, 25))
        draw_oval((side, -0.2), (0.17, 0.06), _scale_colour(skin, 0.35), 0.04)  # brow
    draw_oval((0, 0.3), (0.1, 0.05), shade)  # nose
    draw_oval((0, 0.55), (0.22, 0.08), (170, 80, 80))  # mouth
    soft = cv2.GaussianBlur(picture, (0, 0), size / 40)
    grain = np.random.default_rng(7).normal(0, 4, soft.shape)
    pixels = np.clip(soft + grain, 0, 255).astype(np.uint8)
    box = np.array([*to_pixels(-0.6, -0.72), 1.2 * size, 1.7 * size], np.float32)
    marks = [(-0.26, -0.08), (0.26, -0.08), (0, 0.28), (-0.2, 0.55), (0.2, 0.55)]
    return pixels, Face(box, np.array([to_pixels(*mark) for mark in marks], np.float32), 1.0)


def _scale_colour(colour: Colour, share: float) -> Colour:
    red, green, blue = (int(value * share) for value in colour)
    return red, green, blue
