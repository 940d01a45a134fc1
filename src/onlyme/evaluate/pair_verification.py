"""Verify a list of pairs of photos: accuracy, equal error rate, and FNMR at each FMR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError
from onlyme.evaluate.intervals import Interval, bootstrap
from onlyme.evaluate.metrics import (
    Accuracy,
    EqualErrorRate,
    OperatingPoint,
    accuracy_over_folds,
    equal_error_rate,
    fnmr_at_fmr,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onlyme.evaluate.pairs import Pair
    from onlyme.evaluate.plan import EvaluationPlan, LabelledEmbeddings

__all__ = ["PairScorer", "PairStudy", "cosine", "verify_pairs"]

PairScorer = Callable[["NDArray[np.float32]", "NDArray[np.float32]"], "NDArray[np.float64]"]
"""Takes two float32[n, d] and returns float64[n], larger for the same person."""


@dataclass(frozen=True, slots=True, eq=False)
class PairStudy:
    """How well pairs of the same person and of two people are separated.

    Attributes:
        pairs: those that were judged.
        missing: those without an embedding; they are in no figure.
        scores: float64[n], larger for the same person.
        same: bool[n], whether each pair shows one person.
        accuracy: over the folds, each with the threshold of the other folds.
        equal_error: where both error rates are equal.
        equal_error_interval: 95 %, over resampled identities.
        points: FNMR at each target FMR.
    """

    pairs: tuple[Pair, ...]
    missing: tuple[Pair, ...]
    scores: NDArray[np.float64] = field(repr=False)
    same: NDArray[np.bool_] = field(repr=False)
    accuracy: Accuracy
    equal_error: EqualErrorRate
    equal_error_interval: Interval
    points: tuple[tuple[float, OperatingPoint], ...]


def cosine(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosine of the angle between the rows of two arrays, −1 to 1.

    Args:
        left: float32[n, d], no row all zero.
        right: float32[n, d], likewise.

    >>> cosine(np.eye(2, dtype=np.float32), np.ones((2, 2), np.float32)).round(3).tolist()
    [0.707, 0.707]
    """
    a, b = left.astype(np.float64), right.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines: NDArray[np.float64] = np.einsum("ij,ij->i", a, b) / lengths
    return cosines


def verify_pairs(
    pairs: Sequence[Pair],
    faces: LabelledEmbeddings,
    plan: EvaluationPlan,
    *,
    score: PairScorer = cosine,
) -> PairStudy:
    """Judge a fixed list of pairs.

    Args:
        pairs: in at least two folds, both kinds among them.
        faces: the embeddings; the pairs name photos by their sources.
        plan: target FMRs, draws of the bootstrap over identities, and its seed.
        score: larger for the same person.

    Raises:
        UsageError: when no pair of either kind can be judged.
    """
    where = {source: row for row, source in enumerate(faces.sources)}
    judged = tuple(pair for pair in pairs if pair.left in where and pair.right in where)
    if not judged:
        raise UsageError(
            "no pair of the list has both of its photos here; is the list for another folder?"
        )
    left = np.array([where[pair.left] for pair in judged])
    right = np.array([where[pair.right] for pair in judged])
    same = np.array([pair.same for pair in judged])
    folds = np.array([pair.fold for pair in judged])
    scores = np.asarray(score(faces.vectors[left], faces.vectors[right]), dtype=np.float64)
    people, identity = np.unique(faces.people, return_inverse=True)
    one, other = identity[left], identity[right]
    genuine, impostor = scores[same], scores[~same]

    def resample_equal_error(drawn: NDArray[np.int64]) -> float:
        # A same pair is of one person, a different pair of two drawn independently.
        own, strange = drawn[one[same]], drawn[one[~same]] * drawn[other[~same]]
        if not own.any() or not strange.any():
            return float("nan")
        return equal_error_rate(
            genuine, impostor, genuine_weights=own, impostor_weights=strange
        ).value

    return PairStudy(
        pairs=judged,
        missing=tuple(pair for pair in pairs if pair.left not in where or pair.right not in where),
        scores=scores,
        same=same,
        accuracy=accuracy_over_folds(scores, same, folds),
        equal_error=equal_error_rate(genuine, impostor),
        equal_error_interval=bootstrap(
            resample_equal_error, people.size, repeats=plan.resamples, seed=plan.seed
        ),
        points=tuple(
            (fmr, fnmr_at_fmr(genuine, impostor, fmr))
            for fmr in plan.fmrs
            if fmr * impostor.size >= 1
        ),
    )
