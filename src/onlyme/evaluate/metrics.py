"""Compute FMR, FNMR, DET curve, EER and accuracy from genuine and impostor scores.

One convention everywhere: a score is a margin, larger means more ME, and a
comparison **matches when score ≥ threshold**. Terms are those of ISO/IEC
19795-1: the false match rate (FMR) is the share of impostor comparisons that
match, the false non-match rate (FNMR) the share of genuine comparisons that do not.

Infinite and NaN scores are refused: leaving them out silently would make the
figures look better than they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from onlyme.charts import ErrorRate, make_rate
from onlyme.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Accuracy",
    "EqualErrorRate",
    "ErrorCurve",
    "OperatingPoint",
    "accuracy_over_folds",
    "best_threshold",
    "equal_error_rate",
    "error_curve",
    "false_match_rate",
    "false_non_match_rate",
    "fnmr_at_fmr",
    "threshold_at_fmr",
]


@dataclass(frozen=True, slots=True, eq=False)
class ErrorCurve:
    """Both error rates at every threshold where one of them changes (a DET curve).

    Attributes:
        thresholds: float64[n], rising: every distinct score, then one above all of them.
        fmr: float64[n], falling from 1 to 0.
        fnmr: float64[n], rising from 0 to 1.
    """

    thresholds: NDArray[np.float64] = field(repr=False)
    fmr: NDArray[np.float64] = field(repr=False)
    fnmr: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True, slots=True)
class EqualErrorRate:
    """The point where both error rates are equal.

    Attributes:
        value: the rate, 0 to 1.
        threshold: the score at which they meet.
    """

    value: float
    threshold: float


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold and its error rates.

    Attributes:
        threshold: a comparison matches when its score reaches it.
        fmr: false matches among the impostor comparisons.
        fnmr: false non-matches among the genuine comparisons.
    """

    threshold: float
    fmr: ErrorRate
    fnmr: ErrorRate


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Verification accuracy over folds.

    Attributes:
        mean: over the folds, 0 to 1.
        standard_error: of that mean: standard deviation / √folds.
        folds: the accuracy of each fold.
        thresholds: the threshold of each fold, chosen on the other folds.
    """

    mean: float
    standard_error: float
    folds: tuple[float, ...]
    thresholds: tuple[float, ...]


def false_match_rate(impostor: ArrayLike, threshold: float) -> ErrorRate:
    """Count the impostor comparisons that match: score ≥ threshold.

    Args:
        impostor: [n], scores of comparisons of different people; may be empty.
        threshold: in the unit of the scores.

    Raises:
        UsageError: on a score that is not finite, or a threshold that is NaN.

    >>> false_match_rate([0.1, 0.2, 0.3, 0.4], 0.3).count
    2
    """
    scores = _check_scores(impostor, "impostor", empty=True)
    return make_rate(int(np.count_nonzero(scores >= _check_threshold(threshold))), scores.size)


def false_non_match_rate(genuine: ArrayLike, threshold: float) -> ErrorRate:
    """Count the genuine comparisons that do not match: score < threshold.

    Args:
        genuine: [n], scores of comparisons of the same person; may be empty.
        threshold: in the unit of the scores.

    Raises:
        UsageError: on a score that is not finite, or a threshold that is NaN.

    >>> false_non_match_rate([0.1, 0.2, 0.3, 0.4], 0.3).count
    2
    """
    scores = _check_scores(genuine, "genuine", empty=True)
    return make_rate(int(np.count_nonzero(scores < _check_threshold(threshold))), scores.size)


def error_curve(
    genuine: ArrayLike,
    impostor: ArrayLike,
    *,
    genuine_weights: ArrayLike | None = None,
    impostor_weights: ArrayLike | None = None,
) -> ErrorCurve:
    """Return FMR and FNMR at every threshold where one of them changes.

    Drawn against each other they are the detection error trade-off (DET)
    curve: Martin et al., "The DET curve in assessment of detection task
    performance" (1997); ISO/IEC 19795-1.

    Args:
        genuine: [n], at least one score.
        impostor: [m], at least one score.
        genuine_weights: [n], not negative, such as counts of a bootstrap draw.
        impostor_weights: [m], likewise.

    Raises:
        UsageError: without scores, or on scores or weights that cannot be used.

    >>> curve = error_curve([2.0, 3.0], [1.0, 2.0])
    >>> curve.fmr.tolist(), curve.fnmr.tolist()
    ([1.0, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 1.0])
    """
    same, other = _check_scores(genuine, "genuine"), _check_scores(impostor, "impostor")
    distinct = np.unique(np.concatenate([same, other]))
    thresholds = np.append(distinct, np.nextafter(distinct[-1], np.inf))
    fnmr = _compute_share_below(same, genuine_weights, thresholds)
    fmr = 1.0 - _compute_share_below(other, impostor_weights, thresholds)
    return ErrorCurve(thresholds, fmr, fnmr)


def equal_error_rate(
    genuine: ArrayLike,
    impostor: ArrayLike,
    *,
    genuine_weights: ArrayLike | None = None,
    impostor_weights: ArrayLike | None = None,
) -> EqualErrorRate:
    """Return the rate at which FMR and FNMR are equal.

    Between two neighbouring thresholds both rates are treated as straight
    lines, so that the value exists for every set of scores.

    Args:
        genuine: [n], at least one score.
        impostor: [m], at least one score.
        genuine_weights: [n], not negative.
        impostor_weights: [m], not negative.

    Raises:
        UsageError: without scores, or on scores or weights that cannot be used.

    >>> equal_error_rate([2.0, 3.0, 4.0, 5.0], [0.0, 1.0, 1.5, 2.5]).value
    0.25
    """
    curve = error_curve(
        genuine, impostor, genuine_weights=genuine_weights, impostor_weights=impostor_weights
    )
    gap = curve.fnmr - curve.fmr  # rises from −1 to 1
    after = int(np.argmax(gap >= 0.0))
    before = after - 1
    share = -gap[before] / (gap[after] - gap[before])
    threshold = curve.thresholds[before] + share * (
        curve.thresholds[after] - curve.thresholds[before]
    )
    value = curve.fmr[before] + share * (curve.fmr[after] - curve.fmr[before])
    return EqualErrorRate(float(value), float(threshold))


def threshold_at_fmr(
    impostor: ArrayLike,
    fmr: float,
    *,
    total: float | None = None,
    weights: ArrayLike | None = None,
) -> float:
    """Return the lowest threshold whose FMR does not exceed a target.

    It lies just above the first impostor score that would be one too many, so
    that of equal scores all or none match. When the target is lower than one
    error in all comparisons, it lies above every impostor score; the interval
    of `false_match_rate` then says how much that shows.

    Args:
        impostor: [n], at least one score.
        fmr: the target, 0 to 1.
        total: when `impostor` holds only the highest of many scores: the number
            of all scores (with weights: their total weight).
        weights: [n], not negative, such as counts of a bootstrap draw.

    Returns:
        The threshold; −inf when every comparison may match.

    Raises:
        UsageError: without scores, on a target out of range, or when the scores
            given of `total` are too few to decide.

    >>> threshold = threshold_at_fmr([0.1, 0.2, 0.3, 0.4], 0.25)
    >>> 0.3 < threshold < 0.3001
    True
    """
    scores = _check_scores(impostor, "impostor")
    if not 0.0 <= fmr <= 1.0:
        raise UsageError("a false match rate lies between 0 and 1")
    each = _check_weights(weights, scores.size)
    everything = float(each.sum()) if total is None else float(total)
    if everything < each.sum():
        raise UsageError("`total` counts all comparisons, including those given")
    # A rate such as 0.29 of 100 comparisons must not become 28 by rounding.
    allowed = fmr * everything * (1.0 + 1e-12)
    order = np.argsort(-scores, kind="stable")
    too_many = np.cumsum(each[order]) > allowed
    if not too_many.any():
        if total is not None and everything > each.sum():
            raise UsageError("too few of the highest impostor scores were stored for this target")
        return -math.inf
    return float(np.nextafter(scores[order][int(np.argmax(too_many))], np.inf))


def fnmr_at_fmr(genuine: ArrayLike, impostor: ArrayLike, fmr: float) -> OperatingPoint:
    """Return the FNMR at the lowest threshold whose FMR does not exceed a target.

    Args:
        genuine: [n], scores of comparisons of the same person.
        impostor: [m], scores of comparisons of different people.
        fmr: the target, 0 to 1.

    Raises:
        UsageError: without scores, or on scores or a target that cannot be used.

    >>> point = fnmr_at_fmr([0.35, 0.5, 0.9], [0.1, 0.2, 0.3, 0.4], 0.25)
    >>> point.fmr.count, point.fnmr.count
    (1, 0)
    """
    same = _check_scores(genuine, "genuine")
    threshold = threshold_at_fmr(impostor, fmr)
    return OperatingPoint(
        threshold, false_match_rate(impostor, threshold), false_non_match_rate(same, threshold)
    )


def best_threshold(scores: ArrayLike, same: ArrayLike) -> float:
    """Return the lowest threshold at which most pairs are judged correctly.

    Args:
        scores: [n], at least one.
        same: bool[n], whether each pair shows the same person.

    Raises:
        UsageError: on unequal lengths or unusable scores.

    >>> best_threshold([0.1, 0.2, 0.8, 0.9], [False, False, True, True])
    0.8
    """
    values, truth = _check_labels(scores, same)
    order = np.argsort(values, kind="stable")
    ranked, right = values[order], truth[order]
    # If scores match from position i up, same pairs from i on and different ones before are right.
    before = np.concatenate([[0], np.cumsum(~right)])
    after = right.sum() - np.concatenate([[0], np.cumsum(right)])
    possible = np.concatenate([[True], ranked[1:] > ranked[:-1], [True]])  # ties stay together
    best = int(np.argmax(np.where(possible, before + after, -1)))
    return float(ranked[best]) if best < ranked.size else float(np.nextafter(ranked[-1], np.inf))


def accuracy_over_folds(scores: ArrayLike, same: ArrayLike, folds: ArrayLike) -> Accuracy:
    """Return verification accuracy, each fold judged at the threshold of the other folds.

    Source: Huang et al., "Labeled Faces in the Wild" (2007), View 2: the mean
    of the ten accuracies and the standard error of that mean.

    Args:
        scores: [n], of pairs of photos.
        same: bool[n], whether each pair shows the same person.
        folds: int[n], the fold of each pair; at least two different folds.

    Raises:
        UsageError: on unequal lengths, unusable scores or a single fold.
    """
    values, truth = _check_labels(scores, same)
    fold = np.asarray(folds)
    names = np.unique(fold)
    if fold.shape != values.shape or names.size < 2:
        raise UsageError("every pair needs a fold, and there are at least two folds")
    thresholds, accuracies = [], []
    for name in names:
        held = fold == name
        threshold = best_threshold(values[~held], truth[~held])
        thresholds.append(threshold)
        accuracies.append(float(np.mean((values[held] >= threshold) == truth[held])))
    error = float(np.std(accuracies, ddof=1) / math.sqrt(names.size))
    return Accuracy(float(np.mean(accuracies)), error, tuple(accuracies), tuple(thresholds))


def _check_scores(values: ArrayLike, what: str, *, empty: bool = False) -> NDArray[np.float64]:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1:
        raise UsageError(f"{what} scores are a list of numbers")
    if not (scores.size or empty):
        raise UsageError(f"there are no {what} comparisons")
    if not np.isfinite(scores).all():
        raise UsageError(f"{what} scores must be finite; some are not")
    return scores


def _check_threshold(value: float) -> float:
    if math.isnan(value):
        raise UsageError("a threshold is a number")
    return float(value)


def _check_weights(weights: ArrayLike | None, size: int) -> NDArray[np.float64]:
    if weights is None:
        return np.ones(size)
    each = np.asarray(weights, dtype=np.float64)
    if each.shape != (size,) or not np.isfinite(each).all() or (each < 0).any():
        raise UsageError("every score needs one weight, finite and not negative")
    if not each.sum() > 0:
        raise UsageError("at least one weight must be above 0")
    return each


def _compute_share_below(
    scores: NDArray[np.float64], weights: ArrayLike | None, thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weighted share of the scores below each threshold."""
    order = np.argsort(scores, kind="stable")
    summed = np.concatenate([[0.0], np.cumsum(_check_weights(weights, scores.size)[order])])
    shares: NDArray[np.float64] = summed / summed[-1]
    return shares[np.searchsorted(scores[order], thresholds)]


def _check_labels(
    scores: ArrayLike, same: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values, truth = _check_scores(scores, "pair"), np.asarray(same, dtype=np.bool_)
    if truth.shape != values.shape:
        raise UsageError("for every pair, say whether it shows the same person")
    return values, truth
