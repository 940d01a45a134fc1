"""Say how sure a rate is: by its count, and by resampling people (bootstrap).

A count of errors among independent comparisons has an exact interval, see
`onlyme.charts.rates`. But the comparisons of one person depend on one another.
Resampling whole people (and, to compare two systems, the same people for
both) takes that into account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from onlyme.charts import ErrorRate

__all__ = [
    "MIN_COUNT",
    "Interval",
    "assess_rate",
    "bootstrap",
    "bootstrap_rate",
    "bootstrap_ratio",
]

MIN_COUNT = 30
"""Errors that a firm figure needs (Doddington's rule of 30), and attempts that any figure needs."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the interval about it.

    Attributes:
        value: on the data without resampling.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    value: float
    low: float
    high: float


def assess_rate(counted: ErrorRate, target: float | None = None) -> str:
    """Say what a counted rate can show: `too_few`, `wide` or `firm`.

    Source of the rule of 30: Doddington et al., "The NIST speaker recognition
    evaluation", Speech Communication 31 (2000); of the rule of three: ISO/IEC
    19795-1.

    Args:
        counted: errors among comparisons.
        target: the rate to be shown; None when there is none.

    >>> from onlyme.charts import make_rate
    >>> few, wide, firm = make_rate(0, 1000), make_rate(3, 100_000), make_rate(40, 5000)
    >>> assess_rate(few, 1e-4), assess_rate(wide, 1e-4), assess_rate(firm)
    ('too_few', 'wide', 'firm')

    Few comparisons cannot show that a target is met, but may show that it is missed:

    >>> assess_rate(make_rate(5, 1000), 1e-4)
    'wide'
    """
    missed = target is not None and counted.low > target
    # With fewer than 3 / target comparisons even no error at all would not show the target.
    needed = 3.0 / target if target else MIN_COUNT
    if counted.total < needed and not missed:
        return "too_few"
    return "wide" if counted.count < MIN_COUNT else "firm"


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
        identities: the number of people, at least 2.
        repeats: the number of draws.
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
        raise UsageError("a bootstrap over people needs at least two people and one draw")
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
        repeats: the number of draws.
        confidence: between 0 and 1.
        seed: the same seed gives the same interval.

    Raises:
        UsageError: with fewer than two identities, unequal lengths or no trials.
    """
    wrong, tried = _check_counts_per_identity(errors), _check_counts_per_identity(trials)
    if wrong.shape != tried.shape or not tried.sum() > 0:
        raise UsageError("give one number of errors and one of trials for every identity")
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
    draw takes the same identities for both. A draw in which neither system
    errs says nothing about the ratio and is left out; a draw in which only the
    new system errs counts as infinite.

    Args:
        errors: [n], errors of each identity with the new system.
        baseline_errors: [n], errors of each identity with the old one.
        repeats: the number of draws.
        confidence: between 0 and 1.
        seed: the same seed gives the same interval.

    Returns:
        The ratio (below 1: the new system errs less) and its interval.

    Raises:
        UsageError: with fewer than two identities, unequal lengths, or when
            errors are so rare that half of the draws have no ratio.

    >>> bootstrap_ratio([1, 0, 2, 1], [2, 0, 4, 2])
    Interval(value=0.5, low=0.5, high=0.5)
    """
    new, old = _check_counts_per_identity(errors), _check_counts_per_identity(baseline_errors)
    if new.shape != old.shape:
        raise UsageError("give one number of errors for every identity, for both systems")
    drawn = _draw_identities(new.size, repeats, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (drawn @ new) / (drawn @ old)
        value = float(np.divide(new.sum(), old.sum()))
    return _make_percentile_interval(value, values, confidence)


def _check_counts_per_identity(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size < 2:
        raise UsageError("a bootstrap over people needs at least two people")
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
    if not 0.0 < confidence < 1.0:
        raise UsageError("a confidence lies between 0 and 1, such as 0.95")
    existing = drawn[~np.isnan(drawn)]
    if 2 * existing.size < drawn.size:
        raise UsageError("too few errors: on most draws of people this number does not exist")
    tail = (1.0 - confidence) / 2.0
    # `inverted_cdf` picks a drawn value, so that infinite values do no harm.
    low, high = np.quantile(existing, [tail, 1.0 - tail], method="inverted_cdf")
    return Interval(float(value), float(low), float(high))
