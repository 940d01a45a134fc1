"""Say what an alpha costs: how often a stranger gets in, how often the owner is refused.

Owners differ: strangers come nearer to some, and the photos of some vary more.
`compute_centre` predicts half of the first difference from synthetic strangers, and part
of the second from the photos. What remains is z = (margin − centre) / spread, and on that
scale one curve serves all owners. The curve was measured on real people whom the head had
not seen, and is stored with the base. (Why half, and why the photos:
docs/explanation/head.md.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MissRate", "MissTable", "TailCurve", "compute_centre"]

STRANGERS_SHARE = 0.5
"""Share of an owner's mean margin against synthetic strangers that goes into the centre."""

AGREEMENT_SHARE = 0.3
"""Share of the agreement of the owner's photos that goes into the centre."""

MIN_AGREEMENT = 0.65
"""Less agreement than this does not lower alpha further: the photos may show different people."""


def compute_centre(
    draws_margins: NDArray[np.floating[Any]], me: NDArray[np.floating[Any]]
) -> float:
    """Compute the margin that an owner's z is counted from.

    Args:
        draws_margins: float[s], the owner's margins of synthetic strangers.
        me: float[m, r], heads of the owner's photos. Their agreement is the length
            of their mean, 1 for one photo.
    """
    agreement = max(float(np.linalg.norm(me.mean(axis=0))), MIN_AGREEMENT)
    return STRANGERS_SHARE * float(draws_margins.mean()) + AGREEMENT_SHARE * agreement


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
