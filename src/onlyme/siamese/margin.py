"""Measure the distance to NOT_ME, for the article's rule: margin = d(x, NOT_ME) − d(x, ME).

The article accepts a face x when max(d(x, ME) − d(x, NOT_ME) + alpha, 0) = 0,
that is when margin ≥ alpha. d(x, ME) is the distance to the owner's template.
d(x, NOT_ME) is the mean distance to the nearest of many strangers, so that no single
one decides: the shipped cohort has one vote each, photos that the owner gave have more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from onlyme.siamese.distance import UNRELATED_DISTANCE, measure_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GIVEN_VOTES", "LOOK_ALIKE_VOTES", "NotMe"]

GIVEN_VOTES = 5.0
"""Votes of a photo that the owner gave as NOT_ME, among the nearest 100."""

LOOK_ALIKE_VOTES = 60.0
"""Votes of a photo of a look-alike, or of one that was accepted by mistake."""

_CHUNK_ROWS = 512


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NotMe:
    """The strangers that the rule compares a face with.

    Attributes:
        cohort: float32[c, r], strangers in head space, one vote each; may be empty.
        given: float32[g, r], faces that the owner gave, in head space.
        votes: float32[g], how many strangers each given face counts for.
        nearest: how many votes are counted, from the nearest face on. At most as many as
            the cohort has faces; 1 without a cohort.
    """

    cohort: NDArray[np.float32]
    given: NDArray[np.float32]
    votes: NDArray[np.float32]
    nearest: int

    @classmethod
    def from_cohort(cls, cohort: NDArray[np.float32], nearest: int) -> Self:
        """The rule with the cohort alone: no owner gave any faces."""
        return cls(cohort, cohort[:0], np.empty(0, np.float32), nearest)

    def measure_distance(self, heads: NDArray[np.float32]) -> NDArray[np.float64]:
        """d(x, NOT_ME) for each row: the mean over the nearest votes.

        Without a cohort it is the distance to the nearest given face, and at most √2, the
        distance of unrelated faces. One more face in NOT_ME never raises it.

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
        """Count the votes of the given faces together with the nearest of the cohort.

        Args:
            heads: float32[n, r].
            near: float[n, nearest], distances to the nearest of the cohort.

        Returns:
            float64[n].
        """
        if not len(self.given):
            return np.asarray(near.mean(axis=1, dtype=np.float64))
        distances = np.concatenate(
            [near, measure_distances(heads, self.given)], axis=1, dtype=np.float64
        )
        votes = np.concatenate([np.ones(near.shape[1]), self.votes])
        order = np.argsort(distances, axis=1, kind="stable")
        sorted_votes = votes[order]
        before = np.cumsum(sorted_votes, axis=1) - sorted_votes
        counted = np.clip(self.nearest - before, 0.0, sorted_votes)
        total = np.einsum("ij,ij->i", np.take_along_axis(distances, order, axis=1), counted)
        return np.asarray(total / self.nearest, np.float64)


def select_nearest(table: NDArray[np.floating], count: int) -> NDArray[np.floating]:
    """Return the `count` smallest of each row, in no order."""
    if count >= table.shape[1]:
        return table
    return np.partition(table, count - 1, axis=1)[:, :count]
