"""Shrink a large picture quickly and without artefacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["shrink"]

MIN_SAMPLES_PER_PIXEL = 2
"""Least number of rows and columns that are read for each one of the result."""


def shrink(pixels: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Shrink a picture so that its longest side has `side` pixels; never enlarge it.

    Averaging over areas reads every pixel. For a very large picture every n-th row and
    column is enough, provided that each pixel of the result is still the mean of several:
    a twelve-megapixel photo then takes hardly longer than a webcam frame.

    Args:
        pixels: uint8[h, w, 3].
        side: wanted longest side in pixels.

    Returns:
        The small picture; and float32[2], its width and height as shares of the original's.
    """
    height, width = pixels.shape[:2]
    longest = max(height, width)
    if longest <= side:
        return np.ascontiguousarray(pixels), np.ones(2, np.float32)
    size = max(1, round(width * side / longest)), max(1, round(height * side / longest))
    step = max(1, longest // (side * MIN_SAMPLES_PER_PIXEL))
    small = cv2.resize(pixels[::step, ::step], size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), np.array([size[0] / width, size[1] / height], np.float32)
