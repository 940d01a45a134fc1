"""Remove what bends a picture as a whole, so that only what moved within it remains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Bend", "fit_bend", "remove_bend"]

_DEGREE: Final = 3
"""Paper that curls, a lens that bends straight lines and a shutter that rolls over a shaken picture
move its points by curves of this degree, or nearly so. A face's eyes, mouth and edge do not."""

_MIN_SPARE_POINTS: Final = 8
_KEPT_PERCENT: Final = 90


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """A smooth curve of third degree that moves the points of a picture.

    Attributes:
        middle: float[2], the middle of the points to which it was fitted.
        reach: float[2], half of their width and height.
        factors: float64[10, 2], of each power of the place.
    """

    middle: NDArray[np.floating]
    reach: NDArray[np.floating]
    factors: NDArray[np.float64]

    def displace(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return float64[n, 2], how far it moves float32[n, 2]; beyond its points as at their edge.

        Beyond them a curve of this degree runs away.
        """
        return np.asarray(_make_terms(points, self.middle, self.reach) @ self.factors)


def fit_bend(displacements: NDArray[np.float64], points: NDArray[np.float32]) -> Bend | None:
    """Fit the curve that displaces points best.

    Args:
        displacements: float64[n, 2], of each point, NaN where it was not followed.
        points: float32[n, 2], where the points are.

    Returns:
        The curve; None with too few points to tell.
    """
    middle, reach = points.mean(axis=0), np.maximum(np.ptp(points, axis=0) / 2, 1)
    terms = _make_terms(points, middle, reach)
    followed = kept = np.isfinite(displacements).all(axis=1)
    if followed.sum() < terms.shape[1] + _MIN_SPARE_POINTS:
        return None
    factors = np.linalg.lstsq(terms[kept], displacements[kept], rcond=None)[0]
    # Again without the worst tenth: a few wrong points would bend the curve.
    off = np.linalg.norm(displacements - terms @ factors, axis=1)
    kept = followed & (off <= np.nanpercentile(off, _KEPT_PERCENT))
    return Bend(middle, reach, np.linalg.lstsq(terms[kept], displacements[kept], rcond=None)[0])


def remove_bend(
    displacements: NDArray[np.float64], points: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Remove the curve that displaces points best; all NaN with too few points to tell."""
    bend = fit_bend(displacements, points)
    if bend is None:
        return np.full(displacements.shape, np.nan)
    return displacements - bend.displace(points)


def _make_terms(
    points: NDArray[np.float32], middle: NDArray[np.floating], reach: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return float64[n, 10], the powers of each place up to the third degree."""
    across, down = np.clip((points - middle) / reach, -1, 1).T.astype(np.float64)
    powers = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    return np.stack([across**i * down**j for i, j in powers], axis=1)
