"""Remove what bends a picture as a whole, so that only what moved within it remains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["remove_bend"]

_DEGREE: Final = 3
"""Paper that curls, a lens that bends straight lines and a shutter that rolls over a shaken picture
move its points by curves of this degree, or nearly so. A face's eyes, mouth and edge do not."""

_MIN_SPARE_POINTS: Final = 8
_KEPT_PERCENT: Final = 90


def remove_bend(leftover: NDArray[np.float64], points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Remove the smooth curve of third degree that fits displacements best.

    Args:
        leftover: float64[n, 2], displacement of each point, NaN where it was not followed.
        points: float32[n, 2], where the points are.

    Returns:
        float64[n, 2], what the curve does not explain; all NaN with too few points to tell.
    """
    middle, reach = points.mean(axis=0), np.ptp(points, axis=0) / 2
    across, down = ((points - middle) / np.maximum(reach, 1)).T.astype(np.float64)
    powers = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    terms = np.stack([across**i * down**j for i, j in powers], axis=1)
    followed = kept = np.isfinite(leftover).all(axis=1)
    if followed.sum() < len(powers) + _MIN_SPARE_POINTS:
        return np.full(leftover.shape, np.nan)
    curve = np.linalg.lstsq(terms[kept], leftover[kept], rcond=None)[0]
    # Again without the worst tenth: a few wrong points would bend the curve.
    off = np.linalg.norm(leftover - terms @ curve, axis=1)
    kept = followed & (off <= np.nanpercentile(off, _KEPT_PERCENT))
    curve = np.linalg.lstsq(terms[kept], leftover[kept], rcond=None)[0]
    return np.asarray(leftover - terms @ curve)
