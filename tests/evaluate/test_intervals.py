"""Intervals over people: against the plain bootstrap, and coverage."""

import math

import numpy as np
import pytest

from onlyme.charts import clopper_pearson, make_rate
from onlyme.errors import UsageError
from onlyme.evaluate import intervals


@pytest.mark.parametrize(
    "call",
    [
        lambda: intervals.bootstrap_rate([1, 1], [1, 1], confidence=1.0),
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
        low, high = clopper_pearson(int(errors.sum()), int(trials.sum()))
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


def test_few_comparisons_may_prove_a_failure():
    assert intervals.assess_rate(make_rate(0, 1000), 1e-4) == "too_few"
    assert intervals.assess_rate(make_rate(1, 1000), 1e-4) == "too_few", (
        "its interval reaches down to 1 in 39,000"
    )
    assert intervals.assess_rate(make_rate(5, 1000), 1e-4) == "wide"
    assert intervals.assess_rate(make_rate(40, 1000), 1e-4) == "firm"
    assert intervals.assess_rate(make_rate(29, 29)) == "too_few", (
        "without a target nothing is missed"
    )
