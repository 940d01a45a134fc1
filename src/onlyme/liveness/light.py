"""Light one picture as another one is lit, so that only what moved differs between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["match_light"]

_WINDOW_PIXELS: Final = (49, 49)
"""A factor changes slowly if it is the same in about such a window."""

_ROUNDS: Final = 3

_TONE_STEP: Final = 8
"""The curve has one point in each range of this many steps of brightness."""

_MIN_TONE_PIXELS: Final = 20
"""With fewer pixels of a tone, the curve has no point there."""


def match_light(
    pixels: NDArray[np.uint8], like: NDArray[np.uint8], seen: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Light one view as another is lit, as far as light and exposure change a whole picture.

    A lamp that is moved changes the brightness slowly from place to place, and exposure bends all
    tones by one curve. Both seem to move soft edges. So what is fitted in turns is one curve for
    all tones, and a factor that changes slowly from place to place.

    Args:
        pixels: uint8[h, w], the view to light, laid over the other one.
        like: uint8[h, w], the other view.
        seen: bool[h, w], where both views have pixels.

    Returns:
        float32[h, w], 0 to 255.
    """
    matched, wanted = pixels.astype(np.float32), like.astype(np.float32)
    tones = pixels[seen] // _TONE_STEP
    counts = np.bincount(tones, minlength=256 // _TONE_STEP)
    filled = counts >= _MIN_TONE_PIXELS
    if filled.sum() < 2:
        return matched
    middles = np.bincount(tones, pixels[seen], len(counts))[filled] / counts[filled]
    bright = cv2.blur(wanted, _WINDOW_PIXELS) + 1
    factor = bright / (cv2.blur(matched, _WINDOW_PIXELS) + 1)
    for _ in range(_ROUNDS):
        sums = np.bincount(tones, (wanted / factor)[seen], len(counts))
        curve = np.maximum.accumulate(sums[filled] / counts[filled])
        matched = np.interp(np.arange(256), middles, curve).astype(np.float32)[pixels]
        factor = bright / (cv2.blur(matched, _WINDOW_PIXELS) + 1)
    return np.asarray(np.clip(matched * factor, 0, 255), np.float32)
