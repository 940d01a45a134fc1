"""Intervals against the definition, published values and coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlyme.errors import UsageError
from onlyme.evaluate import intervals


def binomial_at_most(count, total, share):
    """P(X ≤ count), term by term."""
    return sum(
        math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(count + 1)
    )


@settings(deadline=None)
@given(st.integers(1, 60), st.data())
def test_clopper_pearson_ends_where_the_tails_hold_two_and_a_half_percent(total, data):
    count = data.draw(st.integers(0, total))
    low, high = intervals.clopper_pearson(count, total)
    assert 0.0 <= low <= count / total <= high <= 1.0
    if count < total:
        assert binomial_at_most(count, total, high) == pytest.approx(0.025, abs=1e-6)
    if count > 0:
        assert 1 - binomial_at_most(count - 1, total, low) == pytest.approx(0.025, abs=1e-6)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 1, 0.0, 0.975),
        (1, 1, 0.025, 1.0),
        (0, 10, 0.0, 0.3085),  # Clopper and Pearson's chart; R's binom.test
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
    ],
)
def test_clopper_pearson_of_known_counts(count, total, low, high):
    assert intervals.clopper_pearson(count, total) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(("count", "total", "bound"), [(0, 0, 1), (0, 3000, 9.98e-4), (3, 3, 1)])
def test_upper_bound_is_the_rule_of_three(count, total, bound):
    assert intervals.upper_bound(count, total) == pytest.approx(bound, rel=1e-3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: intervals.make_rate(-1, 3),
        lambda: intervals.make_rate(4, 3),
        lambda: intervals.make_rate(1, 3, confidence=1.0),
        lambda: intervals.bootstrap_rate([1], [1]),
        lambda: intervals.bootstrap_rate([0, 0], [0, 0]),
        lambda: intervals.bootstrap_rate([1, math.nan], [1, 1]),
        lambda: intervals.bootstrap_rate([1, 1], [1, 1], repeats=0),
        lambda: intervals.bootstrap_ratio([1, 1, 1], [1, 1]),
        lambda: intervals.bootstrap_ratio([0, 0, 0], [0, 0, 0]),
        lambda: intervals.bootstrap(lambda _: 0.0, 1),
        lambda: intervals.bootstrap(lambda _: math.nan, 5),
    ],
)
def test_what_has_no_interval_is_refused(call):
    with pytest.raises(UsageError):
        call()


def test_bootstrap_rate_is_the_plain_bootstrap():
    generator = np.random.default_rng(3)
    trials = generator.integers(1, 30, 80)
    errors = generator.binomial(trials, generator.beta(0.5, 5, 80))
    quick = intervals.bootstrap_rate(errors, trials, repeats=4000)
    plain = intervals.bootstrap(
        lambda drawn: float(drawn @ errors) / float(drawn @ trials), 80, repeats=4000, seed=1
    )
    assert quick.value == plain.value
    assert (quick.low, quick.high) == pytest.approx((plain.low, plain.high), rel=0.05)


def test_bootstrap_covers_people_who_err_together():
    """Whole people err together; counting comparisons would cover half as often."""
    generator = np.random.default_rng(5)
    covered = counted = 0
    for seed in range(200):
        errors = 20 * generator.binomial(1, 0.2, 60)  # a person errs always or never
        trials = np.full(60, 20)
        interval = intervals.bootstrap_rate(errors, trials, repeats=300, seed=seed)
        covered += interval.low <= 0.2 <= interval.high
        low, high = intervals.clopper_pearson(int(errors.sum()), int(trials.sum()))
        counted += low <= 0.2 <= high
    assert covered >= 180
    assert counted < 140


def test_pairing_narrows_the_ratio():
    generator = np.random.default_rng(7)
    old = generator.binomial(20, generator.beta(0.3, 6, 150))
    new = generator.binomial(old, 0.6)
    paired = intervals.bootstrap_ratio(new, old)
    apart = intervals.bootstrap_ratio(new, generator.permutation(old))
    assert paired.low < 0.6 < paired.high < 1.0
    assert paired.high - paired.low < apart.high - apart.low


def test_the_same_seed_gives_the_same_interval():
    first = intervals.bootstrap_rate([0, 1, 2, 0], [5, 5, 5, 5], seed=4)
    assert first == intervals.bootstrap_rate([0, 1, 2, 0], [5, 5, 5, 5], seed=4)
