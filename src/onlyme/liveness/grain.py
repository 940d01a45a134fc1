"""Measure whether the finest detail of a face looks like a frame of a camera.

A webcam's frame is soft and carries the noise of its sensor: a part of what changes from pixel to
pixel has nothing to do with what the picture shows. A portrait that was reduced in size is sharper
and cleaner than a camera gives it; one that was enlarged has no fine detail at all; paint, print
grain and added noise have more than a sensor. Cameras also transmit colour at half the resolution
of brightness, while a picture that was reduced, or to which noise was added, has colour in each of
its pixels. None of this proves a living person. It only says that a picture is not worth believing.
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

STREAM_NOISE_RANGE: Final = (1.5, 4.5)
"""The same for a stream, which a camera or a program has compressed: videos of living people have
1.56 to 3.92."""

DETAIL_RANGE: Final = (0.57, 1.1)
"""The finest detail in shares of the detail twice as coarse. Living webcam frames: 0.61 to 0.84.
Portraits that were enlarged have less; drawings and paintings with visible grain have more."""

MAX_COLOUR: Final = 0.4
"""Noise of the colours in shares of that of the brightness. Living webcam frames and videos of
living people have 0.06 to 0.32, and portraits that were made smaller mostly 0.4 to 0.8."""

COLOUR_SIDE_PIXELS: Final = 256
"""Of a larger face, colour is measured in the middle only."""

_NOISE_KERNEL: Final = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""Takes no notice of edges and slopes (J. Immerkær, Fast noise variance estimation, 1996)."""

_SAMPLE_STEP: Final = 3

_MEDIAN_OF_UNIT_NOISE: Final = 6 * 0.6745
"""The median size of the kernel's response to independent noise of standard deviation 1: the
kernel's own length, 6, times the median size of a normal variable."""


@dataclass(frozen=True, slots=True)
class Grain:
    """The finest detail of a picture.

    Attributes:
        noise: mean response to the noise kernel in shares of the finest detail, 0 to about 6.
        detail: the finest detail in shares of the detail at half the resolution, 0 to about 2.
        colour: response of the colours to the noise kernel in shares of the brightness', from 0.
        sigma: standard deviation of the noise, in steps of 1/255, about 0.2 to 0.7 in good light.
    """

    noise: float
    detail: float
    colour: float
    sigma: float = 0.0

    @property
    def is_of_camera(self) -> bool:
        """Whether a single frame of a camera looks like this."""
        low, high = DETAIL_RANGE
        is_noisy = NOISE_RANGE[0] <= self.noise <= NOISE_RANGE[1]
        return is_noisy and low <= self.detail <= high and self.colour <= MAX_COLOUR

    @property
    def may_be_streamed(self) -> bool:
        """Whether a camera's stream, perhaps compressed, may look like this."""
        low, high = STREAM_NOISE_RANGE
        return low <= self.noise <= high and self.colour <= MAX_COLOUR


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
        return Grain(0.0, 0.0, 0.0)
    gray = cv2.cvtColor(np.ascontiguousarray(middle), cv2.COLOR_RGB2GRAY).astype(np.float32)
    smooth = cv2.GaussianBlur(gray, (0, 0), 1.0)
    half = np.ascontiguousarray(smooth[::2, ::2])
    finest = _mean_size(gray - smooth)
    coarser = _mean_size(half - cv2.GaussianBlur(half, (0, 0), 1.0))
    response = _filter_noise(gray)
    noise = _mean_size(response)
    # The median takes no notice of the few pixels of edges; some pixels give it as well as all.
    sample = np.abs(response[::_SAMPLE_STEP, ::_SAMPLE_STEP])
    return Grain(
        noise / finest if finest else 0.0,
        finest / coarser if coarser else 0.0,
        _compare_colours(middle),
        float(np.median(sample)) / _MEDIAN_OF_UNIT_NOISE,
    )


def _compare_colours(pixels: NDArray[np.uint8]) -> float:
    """Return the noise of the colours in shares of that of the brightness; 0 without noise."""
    height, width = pixels.shape[:2]
    top, left = (max(0, (side - COLOUR_SIDE_PIXELS) // 2) for side in (height, width))
    middle = pixels[top : top + COLOUR_SIDE_PIXELS, left : left + COLOUR_SIDE_PIXELS]
    planes = cv2.split(cv2.cvtColor(np.ascontiguousarray(middle), cv2.COLOR_RGB2YCrCb))
    brightness, red, blue = (_mean_noise(plane.astype(np.float32)) for plane in planes)
    return (red + blue) / 2 / brightness if brightness else 0.0


def _mean_noise(plane: NDArray[Any]) -> float:
    """Return the mean response of float32[h, w] to the noise kernel, without the edge."""
    return _mean_size(_filter_noise(plane))


def _filter_noise(plane: NDArray[Any]) -> NDArray[np.float32]:
    """Return the response of float32[h, w] to the noise kernel, without the edge."""
    return np.asarray(cv2.filter2D(plane, -1, _NOISE_KERNEL), np.float32)[1:-1, 1:-1]


def _mean_size(values: NDArray[Any]) -> float:
    return float(np.abs(values).mean())
