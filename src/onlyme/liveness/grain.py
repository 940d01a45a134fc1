"""Measure whether the finest detail of a face looks like a frame of a camera.

A webcam's frame is soft and carries the noise of its sensor: a part of what changes from pixel to
pixel has nothing to do with what the picture shows. A portrait that was reduced in size is sharper
and cleaner than a camera gives it; one that was enlarged has no fine detail at all; paint, print
grain and added noise have more than a sensor. None of this proves a living person. It only says
that a single picture is not worth believing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Grain", "measure_grain"]

MAX_SIDE_PIXELS: Final = 512
"""Of a larger face only the middle is measured, at the picture's own resolution."""

MIN_SIDE_PIXELS: Final = 16
"""A smaller piece has too few pixels for a measurement."""

NOISE_RANGE: Final = (1.5, 2.5)
"""Noise in shares of the finest detail. Of 357 living webcam frames the least is 1.52 and the most
2.19 (benchmarks/portraits.py). Portraits that were made smaller have less, and added noise more."""

DETAIL_RANGE: Final = (0.57, 1.1)
"""The finest detail in shares of the detail twice as coarse. Living webcam frames: 0.61 to 0.84.
Portraits that were enlarged have less; drawings and paintings with visible grain have more."""

_NOISE_KERNEL: Final = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""Takes no notice of edges and slopes (J. Immerkær, Fast noise variance estimation, 1996)."""


@dataclass(frozen=True, slots=True)
class Grain:
    """The finest detail of a picture.

    Attributes:
        noise: mean response to the noise kernel in shares of the finest detail, 0 to about 6.
        detail: the finest detail in shares of the detail at half the resolution, 0 to about 2.
    """

    noise: float
    detail: float

    @property
    def is_of_camera(self) -> bool:
        """Whether a camera's frame looks like this."""
        noise, detail = NOISE_RANGE, DETAIL_RANGE
        return noise[0] <= self.noise <= noise[1] and detail[0] <= self.detail <= detail[1]


def measure_grain(face: NDArray[np.uint8]) -> Grain:
    """Measure the finest detail of a face.

    Args:
        face: uint8[h, w, 3], RGB, the part of a frame that the face covers.

    >>> flat = measure_grain(np.full((64, 64, 3), 90, np.uint8))
    >>> (flat.noise, flat.detail, flat.is_of_camera)
    (0.0, 0.0, False)
    """
    height, width = face.shape[:2]
    top, left = (max(0, (side - MAX_SIDE_PIXELS) // 2) for side in (height, width))
    middle = face[top : top + MAX_SIDE_PIXELS, left : left + MAX_SIDE_PIXELS]
    if min(middle.shape[:2]) < MIN_SIDE_PIXELS:
        return Grain(0.0, 0.0)
    gray = cv2.cvtColor(np.ascontiguousarray(middle), cv2.COLOR_RGB2GRAY).astype(np.float32)
    smooth = cv2.GaussianBlur(gray, (0, 0), 1.0)
    half = np.ascontiguousarray(smooth[::2, ::2])
    finest = _mean_size(gray - smooth)
    coarser = _mean_size(half - cv2.GaussianBlur(half, (0, 0), 1.0))
    noise = _mean_size(cv2.filter2D(gray, -1, _NOISE_KERNEL)[1:-1, 1:-1])
    return Grain(noise / finest if finest else 0.0, finest / coarser if coarser else 0.0)


def _mean_size(values: NDArray[Any]) -> float:
    return float(np.abs(values).mean())
