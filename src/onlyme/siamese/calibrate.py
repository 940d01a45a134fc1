"""Say what an alpha costs: how often a stranger gets in, how often the owner is refused.

Owners differ: some have many people near them, some enrolled with a poor camera, and the
photos of some vary more. `compute_centres` predicts from the owner's photos how far strangers
get. What remains is z = (margin − centre) / spread, and on that scale one curve serves all
owners. The curves were measured on real people whom the head had not seen, and are stored
with the base. (Where the shares come from: docs/explanation/head.md.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import UsageError
from onlyme.siamese.distance import UNRELATED_DISTANCE, dot_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CameraEffects", "MissRate", "MissTable", "TailCurve", "compute_centres"]

NEIGHBOURS_SHARE = 0.85
"""Share of the owner's own distance to NOT_ME that goes into the centre: an owner who has
strangers near must be matched more closely."""

USUAL_NOT_ME_DISTANCE = 1.25
"""d(template, NOT_ME) of an owner with the usual neighbours, so that z is about a margin."""

CAMERA_SHARE = 3.0
"""Weight of how much the owner's photos resemble the photos of a poor camera."""


@dataclass(frozen=True, slots=True, eq=False)
class CameraEffects:
    """What cameras, light and clothes do to all faces alike, to notice it in an owner's photos.

    A blurred photo lies near all photos that are blurred alike, of any person. So an
    owner who enrolled with such photos is nearer to every stranger before the same camera.

    Attributes:
        directions: float32[v, r], the mean head of all people, for each effect.
        distances: float64[v], d(x, NOT_ME) of these photos on average.
        limit: the excess that only a few owners with ordinary photos have.
    """

    directions: NDArray[np.float32]
    distances: NDArray[np.float64]
    limit: float

    def measure_excess(self, templates: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return by how much strangers of the owner's camera come nearer: float64[n], ≥ 0.

        Args:
            templates: float[n, r], owners in head space.
        """
        if not len(self.directions):
            return np.zeros(len(templates))
        likeness = dot_rows(templates, self.directions).astype(np.float64)
        nearer = likeness / UNRELATED_DISTANCE + self.distances
        return np.asarray(np.maximum(nearer.max(axis=1) - self.limit, 0.0))


def compute_centres(
    not_me: NDArray[np.floating[Any]], excess: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Compute the margins that owners' z are counted from.

    Args:
        not_me: float[n], d(template, NOT_ME) by the cohort alone.
        excess: float[n], from `CameraEffects.measure_excess`.
    """
    return np.asarray(
        CAMERA_SHARE * np.asarray(excess, np.float64)
        + NEIGHBOURS_SHARE * (USUAL_NOT_ME_DISTANCE - np.asarray(not_me, np.float64))
    )


@dataclass(frozen=True, slots=True, eq=False)
class TailCurve:
    """False accept rate against z, by number of enrolment photos.

    Attributes:
        photos: int64[t], numbers of photos measured, rising.
        log_far: float64[g], log10 of the rate, falling, from 0.
        z: float64[t, g], the z that stands for it, rising along each row.
        counted_from: the smallest rate that was counted; below it the curve is a tail model.
    """

    photos: NDArray[np.int64]
    log_far: NDArray[np.float64]
    z: NDArray[np.float64]
    counted_from: float

    def z_at(self, far: float, photos: int) -> float:
        """Return the z that a stranger reaches with probability `far`.

        Raises:
            UsageError: the curve does not cover `far`.
        """
        lowest = 10.0 ** float(self.log_far[-1])
        if not lowest * (1 - 1e-9) <= far <= 1.0:
            raise UsageError(f"a false accept rate lies between {lowest:.0e} and 1, not {far}")
        return float(np.interp(-math.log10(far), -self.log_far, self._select_row(photos)))

    def far_at(self, z: float, photos: int) -> float:
        """Return the probability that a stranger reaches `z`, at least that of the curve's end."""
        return float(10.0 ** np.interp(z, self._select_row(photos), self.log_far))

    def _select_row(self, photos: int) -> NDArray[np.float64]:
        """The row for this many photos or the next more: more photos have the longer tail."""
        row = min(int(np.searchsorted(self.photos, photos)), len(self.photos) - 1)
        return self.z[row]  # type: ignore[no-any-return]  # NumPy types a row as Any


@dataclass(frozen=True, slots=True)
class MissRate:
    """How often owners are expected to be refused, in the population.

    Attributes:
        rate: expected false non-match rate, 0 to 1.
        low: lower end of its 95 % interval.
        high: upper end.
        people: identities that it was measured on.
        photos: enrolment photos of those people.
    """

    rate: float
    low: float
    high: float
    people: int
    photos: int


@dataclass(frozen=True, slots=True, eq=False)
class MissTable:
    """False non-match rate against z, by number of enrolment photos.

    Attributes:
        photos: int64[t], numbers of photos measured, rising.
        people: int64[t], identities behind each row.
        z: float64[g], rising.
        rate, low, high: float64[t, g], the rate and its 95 % interval (bootstrap
            over identities).
    """

    photos: NDArray[np.int64]
    people: NDArray[np.int64]
    z: NDArray[np.float64]
    rate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def miss_at(self, z: float, photos: int) -> MissRate:
        """Return the rate at `z` of owners with this many photos, or the next fewer measured."""
        row = max(int(np.searchsorted(self.photos, photos, side="right")) - 1, 0)
        rate, low, high = (
            float(np.interp(z, self.z, table[row])) for table in (self.rate, self.low, self.high)
        )
        return MissRate(rate, low, high, int(self.people[row]), int(self.photos[row]))
