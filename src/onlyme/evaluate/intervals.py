"""How sure a counted rate is: Clopper-Pearson for counts, bootstrap over identities.

A count of errors among independent comparisons has an exact interval. The
comparisons of one person depend on one another; resampling whole people
(and, for the comparison of two systems, the same people for both) respects that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ErrorRate",
    "Interval",
    "bootstrap",
    "bootstrap_rate",
    "bootstrap_ratio",
    "clopper_pearson",
    "make_rate",
    "upper_bound",
]


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Errors counted among comparisons.

    Attributes:
        count: how many errors.
        total: among how many comparisons.
        low: lower end of the interval, 0 to 1.
        high: upper end of the interval, 0 to 1.
    """

    count: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share of errors, 0 to 1; NaN when nothing was compared."""
        return self.count / self.total if self.total else math.nan


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the interval about it.

    Attributes:
        value: on the data as they are.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    value: float
    low: float
    high: float


def clopper_pearson(count: int, total: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval of a binomial share.

    Source: Clopper and Pearson, "The use of confidence or fiducial limits
    illustrated in the case of the binomial", Biometrika 26 (1934). It holds
    its confidence for every share, and is on the wide side. It takes the
    comparisons for independent.

    Args:
        count: errors, 0 to total.
        total: comparisons; 0 gives (0, 1): nothing is known.
        confidence: between 0 and 1.

    Raises:
        UsageError: when count, total or confidence is out of range.

    >>> low, high = clopper_pearson(0, 3000)
    >>> low, round(high * 3000, 2)
    (0.0, 3.69)
    """
    _check_count(count, total, confidence)
    from scipy.special import betaincinv

    if total == 0:
        return 0.0, 1.0
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if count == 0 else float(betaincinv(count, total - count + 1, tail))
    high = 1.0 if count == total else float(betaincinv(count + 1, total - count, 1.0 - tail))
    return low, high


def upper_bound(count: int, total: int, *, confidence: float = 0.95) -> float:
    """Return the exact one-sided upper bound: "at most …, with 95 % confidence".

    With no error at all this is the "rule of three": 3 / total (Hanley and
    Lippman-Hand, JAMA 249, 1983; ISO/IEC 19795-1 names it as well).

    Raises:
        UsageError: when count, total or confidence is out of range.

    >>> round(upper_bound(0, 3000) * 3000, 2)
    2.99
    """
    _check_count(count, total, confidence)
    from scipy.special import betaincinv

    return 1.0 if count == total else float(betaincinv(count + 1, total - count, confidence))


def make_rate(count: int, total: int, *, confidence: float = 0.95) -> ErrorRate:
    """Return a counted rate with its Clopper-Pearson interval.

    Raises:
        UsageError: when count, total or confidence is out of range.

    >>> make_rate(3, 1000).value
    0.003
    """
    return ErrorRate(int(count), int(total), *clopper_pearson(count, total, confidence=confidence))


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float],
    identities: int,
    *,
    repeats: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the percentile interval of a statistic over resampled identities.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993),
    ch. 13; resampling people rather than comparisons: Bolle, Ratha and
    Pankanti, "Error analysis of pattern recognition systems: the subsets
    bootstrap", CVIU 93 (2004).

    Args:
        statistic: takes int64[identities], how often each identity was drawn,
            and returns a number. A comparison of identities a and b weighs
            the product of their two counts. To pair two systems, compute both
            from the same counts. A NaN (the statistic does not exist on this
            draw) is left out.
        identities: how many people there are, at least 2.
        repeats: how many draws.
        confidence: between 0 and 1.
        seed: the same seed gives the same interval.

    Raises:
        UsageError: with fewer than two identities, or when the statistic
            exists on fewer than half of the draws.

    >>> errors = np.array([0, 0, 1, 0, 3, 0])
    >>> interval = bootstrap(lambda drawn: float(drawn @ errors / drawn.sum()), 6)
    >>> interval.low <= interval.value <= interval.high
    True
    """
    if identities < 2 or repeats < 1:
        raise UsageError("a bootstrap over identities needs at least two of them, and one draw")
    _check_count(0, 1, confidence)
    generator = np.random.default_rng(seed)
    everyone = np.ones(identities, dtype=np.int64)
    drawn = np.array(
        [
            statistic(
                np.bincount(generator.integers(identities, size=identities), None, identities)
            )
            for _ in range(repeats)
        ]
    )
    return _make_percentile_interval(statistic(everyone), drawn, confidence)


def bootstrap_rate(
    errors: ArrayLike,
    trials: ArrayLike,
    *,
    repeats: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the interval of an overall error rate over resampled identities.

    Args:
        errors: [n], errors of each identity.
        trials: [n], comparisons of each identity.
        repeats: how many draws.
        confidence: between 0 and 1.
        seed: the same seed gives the same interval.

    Raises:
        UsageError: with fewer than two identities, unequal lengths or no trials.
    """
    wrong, tried = _check_counts_per_identity(errors), _check_counts_per_identity(trials)
    if wrong.shape != tried.shape or not tried.sum() > 0:
        raise UsageError("errors and trials go together, one of each for every identity")
    drawn = _draw_identities(wrong.size, repeats, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (drawn @ wrong) / (drawn @ tried)
    return _make_percentile_interval(float(wrong.sum() / tried.sum()), values, confidence)


def bootstrap_ratio(
    errors: ArrayLike,
    baseline_errors: ArrayLike,
    *,
    repeats: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the paired interval of errors / baseline errors on the same trials.

    Both systems judged the same comparisons of the same identities, and every
    draw takes the same identities for both. A draw in which neither errs says
    nothing about the ratio and is left out; one in which only the baseline is
    free of errors counts as infinite.

    Args:
        errors: [n], errors of each identity with the new system.
        baseline_errors: [n], errors of each identity with the old one.
        repeats: how many draws.
        confidence: between 0 and 1.
        seed: the same seed gives the same interval.

    Returns:
        The ratio (below 1: the new system errs less) and its interval.

    Raises:
        UsageError: with fewer than two identities, unequal lengths, or when
            so few err that half of the draws have no ratio.

    >>> bootstrap_ratio([1, 0, 2, 1], [2, 0, 4, 2])
    Interval(value=0.5, low=0.5, high=0.5)
    """
    new, old = _check_counts_per_identity(errors), _check_counts_per_identity(baseline_errors)
    if new.shape != old.shape:
        raise UsageError("both systems need one number of errors for every identity")
    drawn = _draw_identities(new.size, repeats, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (drawn @ new) / (drawn @ old)
        value = float(np.divide(new.sum(), old.sum()))
    return _make_percentile_interval(value, values, confidence)


def _check_count(count: int, total: int, confidence: float) -> None:
    if not 0 <= count <= total:
        raise UsageError(f"{count} errors among {total} comparisons cannot be")
    if not 0.0 < confidence < 1.0:
        raise UsageError("a confidence lies between 0 and 1, such as 0.95")


def _check_counts_per_identity(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size < 2:
        raise UsageError("a bootstrap over identities needs at least two of them")
    if not np.isfinite(array).all() or (array < 0).any():
        raise UsageError("errors and trials are counts: finite and not negative")
    return array


def _draw_identities(identities: int, repeats: int, seed: int) -> NDArray[np.float64]:
    """Float64[repeats, identities]: how often each draw holds each identity."""
    if repeats < 1:
        raise UsageError("a bootstrap needs at least one draw")
    generator = np.random.default_rng(seed)
    shares = np.full(identities, 1.0 / identities)
    return generator.multinomial(identities, shares, size=repeats).astype(np.float64)


def _make_percentile_interval(
    value: float, drawn: NDArray[np.float64], confidence: float
) -> Interval:
    _check_count(0, 1, confidence)
    existing = drawn[~np.isnan(drawn)]
    if 2 * existing.size < drawn.size:
        raise UsageError("too few errors: on most draws of identities this number does not exist")
    tail = (1.0 - confidence) / 2.0
    # `inverted_cdf` picks a drawn value and so copes with infinite ones.
    low, high = np.quantile(existing, [tail, 1.0 - tail], method="inverted_cdf")
    return Interval(float(value), float(low), float(high))
