"""Measure an embedder on people that it was not trained on.

The comparisons are those of one photo with one photo: all pairs of photos of the same person
against all pairs of different people, as in the verification of LFW, without a selection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.charts import clopper_pearson
from onlyme.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TARGET_RATES", "Verification", "measure_errors", "measure_verification"]

TARGET_RATES = (1e-2, 1e-3)
"""The false accept rates at which the share of true accepts is told."""


@dataclass(frozen=True, slots=True)
class Verification:
    """How well vectors tell people apart.

    Attributes:
        eer: the equal error rate, 0 to 1: where as large a share of strangers is accepted as of
            the same person's photos is refused.
        tar: for each of `TARGET_RATES` the share of the same person's pairs that is accepted.
        accuracy: share of right answers at the best threshold, same and different weighed alike,
            as the accuracy on LFW's pairs.
        genuine: number of pairs of the same person.
        impostor: number of pairs of different people.
        people: number of people.
    """

    eer: float
    tar: tuple[float, ...]
    accuracy: float
    genuine: int
    impostor: int
    people: int

    def __str__(self) -> str:
        rates = [f"TAR at FAR {far:g}" for far in TARGET_RATES]
        shares = [self.eer, *self.tar, self.accuracy]
        told = map(self._tell, ["EER", *rates, "accuracy"], shares)
        return (
            f"{', '.join(told)} ({self.people} people, {self.genuine:,} pairs of one person, "
            f"{self.impostor:,} of two; 95 % intervals over pairs of one person, as if independent)"
        )

    def _tell(self, name: str, share: float) -> str:
        low, high = clopper_pearson(round(share * self.genuine), self.genuine)
        return f"{name} {100 * share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def measure_errors(
    genuine: NDArray[np.floating], impostor: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the share of refused genuine scores, and of accepted others, at every threshold.

    A score equal to the threshold is accepted; the thresholds are all scores, from the lowest.
    """
    thresholds = np.unique(np.concatenate([genuine, impostor]))
    miss = np.searchsorted(np.sort(genuine), thresholds, "left") / len(genuine)
    accept = 1 - np.searchsorted(np.sort(impostor), thresholds, "left") / len(impostor)
    return miss, accept


def measure_verification(
    vectors: NDArray[np.floating], labels: NDArray[np.integer]
) -> Verification:
    """Compare every photo with every other.

    Args:
        vectors: float[n, d] of unit length.
        labels: int[n], the person of each row.

    Raises:
        UsageError: when there is no pair of one person, or none of two.

    >>> v = np.array([[1.0, 0], [0.9, 0.435], [0, 1.0], [-0.6, 0.8]])
    >>> measure_verification(v, np.array([0, 0, 1, 1])).eer
    0.0
    """
    scores = (np.asarray(vectors) @ np.asarray(vectors).T)[np.triu_indices(len(vectors), 1)]
    same = (labels[:, None] == labels[None])[np.triu_indices(len(labels), 1)]
    genuine, impostor = scores[same], scores[~same]
    if not (len(genuine) and len(impostor)):
        raise UsageError("validation needs two photos of a person, and photos of two people")
    miss, accept = measure_errors(genuine, impostor)
    place = int(np.argmin(np.abs(miss - accept)))
    tar = tuple(
        float(1 - miss[allowed[0]]) if len(allowed := np.flatnonzero(accept <= far)) else 0.0
        for far in TARGET_RATES
    )
    return Verification(
        eer=float((miss[place] + accept[place]) / 2),
        tar=tar,
        accuracy=float(1 - ((miss + accept) / 2).min()),
        genuine=len(genuine),
        impostor=len(impostor),
        people=len(np.unique(labels)),
    )
