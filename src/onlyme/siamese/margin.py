"""The article's rule as a score: margin = d(x, NOT_ME) − d(x, ME).

The article accepts a face x when max(d(x, ME) − d(x, NOT_ME) + alpha, 0) = 0,
that is when margin ≥ alpha. ME is the owner's template. NOT_ME is the mean
distance to the nearest of many strangers, so that no single one decides: the
shipped cohort, one vote each, and the photos that the owner gave, more votes each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.siamese.distance import UNRELATED_DISTANCE, measure_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GIVEN_VOTES", "LOOK_ALIKE_VOTES", "NotMe"]

GIVEN_VOTES = 5.0
"""Votes of a photo that the owner gave as NOT_ME, among the nearest 100."""

LOOK_ALIKE_VOTES = 60.0
"""Votes of a photo that was taken for the owner once, or of a sibling."""

_CHUNK_ROWS = 512


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NotMe:
    """Everybody else, as the rule sees them.

    Attributes:
        cohort: float32[c, r], strangers in head space, one vote each; may be empty.
        given: float32[g, r], faces that the owner named, in head space.
        votes: float32[g], how many of the nearest each of them stands for.
        nearest: how many votes count: those of the nearest faces. Not more than
            the cohort has; 1 without a cohort.
    """

    cohort: NDArray[np.float32]
    given: NDArray[np.float32]
    votes: NDArray[np.float32]
    nearest: int

    def measure_distance(self, heads: NDArray[np.float32]) -> NDArray[np.float64]:
        """d(x, NOT_ME) for each row: the mean over the nearest votes.

        Without a cohort it is the distance to the nearest given face. A stranger
        about whom nothing is known is unrelated, so it is never more than √2 then.
        One more face in NOT_ME never raises it.

        Args:
            heads: float32[n, r], unit vectors in head space.

        Returns:
            float64[n], 0 to 2.
        """
        parts = [
            self._measure_block(heads[at : at + _CHUNK_ROWS])
            for at in range(0, len(heads), _CHUNK_ROWS)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def _measure_block(self, heads: NDArray[np.float32]) -> NDArray[np.float64]:
        if len(self.cohort):
            near = select_nearest(measure_distances(heads, self.cohort), self.nearest)
        else:
            near = np.full((len(heads), 1), UNRELATED_DISTANCE)
        return self.merge(heads, near)

    def merge(self, heads: NDArray[np.float32], near: NDArray[np.floating]) -> NDArray[np.float64]:
        """Let the given faces vote beside the nearest of the cohort.

        Args:
            heads: float32[n, r].
            near: float[n, nearest], distances to the nearest of the cohort.

        Returns:
            float64[n].
        """
        if not len(self.given):
            return np.asarray(near.mean(axis=1, dtype=np.float64))
        everybody = np.concatenate(
            [near, measure_distances(heads, self.given)], axis=1, dtype=np.float64
        )
        votes = np.concatenate([np.ones(near.shape[1]), self.votes])
        order = np.argsort(everybody, axis=1, kind="stable")
        sorted_votes = votes[order]
        before = np.cumsum(sorted_votes, axis=1) - sorted_votes
        counted = np.clip(self.nearest - before, 0.0, sorted_votes)
        total = np.einsum("ij,ij->i", np.take_along_axis(everybody, order, axis=1), counted)
        return np.asarray(total / self.nearest, np.float64)


def select_nearest(table: NDArray[np.floating], count: int) -> NDArray[np.floating]:
    """The `count` smallest of each row, in no order."""
    if count >= table.shape[1]:
        return table
    return np.partition(table, count - 1, axis=1)[:, :count]
