"""Turn a photo into what is no photo any more: a drawing, a painting, a relief of marble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = np.ndarray[Any, np.dtype[np.uint8]]

__all__ = ["STYLES"]


def soften(picture: Array) -> Array:
    return cv2.stylization(picture, sigma_s=60, sigma_r=0.45)


def draw_in_colour(picture: Array) -> Array:
    return cv2.pencilSketch(picture, sigma_s=60, sigma_r=0.07, shade_factor=0.05)[1]


def draw_in_pencil(picture: Array) -> Array:
    grey, _ = cv2.pencilSketch(picture, sigma_s=60, sigma_r=0.07, shade_factor=0.05)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def make_cartoon(picture: Array) -> Array:
    flat = picture
    for _ in range(5):
        flat = cv2.bilateralFilter(flat, 9, 60, 9)
    grey = cv2.medianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), 5)
    lines = cv2.adaptiveThreshold(
        grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, blockSize=9, C=5
    )
    return cv2.bitwise_and(flat, flat, mask=lines)


def make_poster(picture: Array) -> Array:
    return (picture // 51 * 51 + 25).astype(np.uint8)


def carve_in_marble(picture: Array) -> Array:
    height, width = picture.shape[:2]
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    grey = cv2.bilateralFilter(grey, 9, 40, 9)
    grey = 170 + (grey - grey.mean()) / (grey.std() + 1) * 28
    veins = np.random.default_rng(0).normal(0, 5, (height // 4 + 1, width // 4 + 1))
    stone = np.clip(grey + cv2.resize(veins.astype(np.float32), (width, height)), 0, 255)
    return np.stack([stone * 0.95, stone * 0.98, stone], -1).clip(0, 255).astype(np.uint8)


def paint_in_oil(picture: Array) -> Array:
    """Give each pixel the mean colour of the brightness that is most common about it."""
    level = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) // 13
    most, painted = np.full(level.shape, -1.0, np.float32), np.zeros_like(picture)
    for one in range(20):
        inside = (level == one).astype(np.float32)
        count = cv2.boxFilter(inside, -1, (7, 7), normalize=False)
        colours = [
            cv2.boxFilter(picture[..., at] * inside, -1, (7, 7), normalize=False) for at in range(3)
        ]
        mean = np.stack(colours, -1) / (count[..., None] + 1e-6)
        here = count > most
        most[here], painted[here] = count[here], mean[here].clip(0, 255).astype(np.uint8)
    return painted


STYLES: dict[str, Callable[[Array], Array]] = {
    "stylization": soften,
    "pencil": draw_in_colour,
    "pencilgrey": draw_in_pencil,
    "cartoon": make_cartoon,
    "poster": make_poster,
    "marble": carve_in_marble,
    "oil": paint_in_oil,
}
"""Each takes and returns uint8[h, w, 3], BGR."""
