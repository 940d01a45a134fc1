"""Measure how surely the eyes or the mouth of a face are covered: dark glasses, a mask, a shadow.

A small network of ours, trained by `tools/train_covers.py` on faces with drawn covers. It
looks at the grey, aligned face in half its size, and is computed with NumPy in a millisecond.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["measure_covers", "normalize_face"]

_SIDE_PIXELS = 56
_FACE = (slice(14, 54), slice(8, 48))  # without hair and background
_STRIDE = 2


def measure_covers(grey: NDArray[np.float32]) -> tuple[float, float]:
    """Return how surely eyes and mouth are covered, each in %.

    Args:
        grey: float32[112, 112], the aligned face.
    """
    *convolutions, hidden, last = _load_layers()
    x = normalize_face(grey)[None]
    for weights, bias in convolutions:
        x = np.maximum(_convolve(x, weights) + bias[:, None, None], 0)
    y = np.maximum(hidden[0] @ x.ravel() + hidden[1], 0)
    eyes, mouth = 100 / (1 + np.exp(-np.clip(last[0] @ y + last[1], -30, 30)))
    return float(eyes), float(mouth)


def normalize_face(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale a face to half its size, and its light and contrast to one measure.

    Args:
        grey: float32[112, 112], the aligned face.

    Returns:
        float32[56, 56], −4 to 4.
    """
    small = grey.reshape(_SIDE_PIXELS, 2, _SIDE_PIXELS, 2).mean(axis=(1, 3))
    face = small[_FACE]
    # Plus some grey values, so that the noise of a face without contrast is not blown up.
    return np.asarray(np.clip((small - face.mean()) / (face.std() + 4), -4, 4), np.float32)


@cache
def _load_layers() -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]:
    with (
        resources.files(__package__).joinpath("covers.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as parts,
    ):
        arrays = [parts[f"p{at}"].astype(np.float32) for at in range(len(parts.files))]
    return tuple(zip(arrays[::2], arrays[1::2], strict=True))


def _convolve(x: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[Any]:
    """Correlate float32[c, h, w] with float32[o, c, k, k] at every second place."""
    size = weights.shape[-1]
    padded = np.pad(x, ((0, 0), (size // 2,) * 2, (size // 2,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    seen = windows[:, ::_STRIDE, ::_STRIDE]
    return np.asarray(np.einsum("chwij,ocij->ohw", seen, weights, optimize=True))
