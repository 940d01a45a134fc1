"""Error rates against plain loops, and the cases at the edge."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlyme.errors import UsageError
from onlyme.evaluate import metrics

# Few distinct values, so that ties are the rule.
scores = st.lists(st.integers(-6, 6).map(lambda n: n / 4), min_size=1, max_size=40)
rates = st.floats(0.0, 1.0)


def loop_fmr(impostor, threshold):
    return sum(1 for score in impostor if score >= threshold)


def loop_fnmr(genuine, threshold):
    return sum(1 for score in genuine if score < threshold)


@settings(deadline=None)
@given(scores, st.floats(-2, 2))
def test_rates_count_what_a_loop_counts(values, threshold):
    assert metrics.false_match_rate(values, threshold).count == loop_fmr(values, threshold)
    assert metrics.false_non_match_rate(values, threshold).count == loop_fnmr(values, threshold)


@settings(deadline=None)
@given(scores, scores)
def test_curve_is_the_loop_at_every_threshold(genuine, impostor):
    curve = metrics.error_curve(genuine, impostor)
    for threshold, fmr, fnmr in zip(curve.thresholds, curve.fmr, curve.fnmr, strict=True):
        assert fmr == pytest.approx(loop_fmr(impostor, threshold) / len(impostor), abs=1e-12)
        assert fnmr == pytest.approx(loop_fnmr(genuine, threshold) / len(genuine), abs=1e-12)
    assert (curve.fmr[0], curve.fnmr[0]) == (1.0, 0.0)
    assert (curve.fmr[-1], curve.fnmr[-1]) == (0.0, 1.0)
    assert (np.diff(curve.thresholds) > 0).all()


@settings(deadline=None)
@given(scores, rates)
def test_threshold_is_the_lowest_that_keeps_the_target(impostor, target):
    threshold = metrics.threshold_at_fmr(impostor, target)
    allowed = target * len(impostor) * (1 + 1e-12)
    assert loop_fmr(impostor, threshold) <= allowed
    if math.isinf(threshold):
        assert target == pytest.approx(1.0)
    else:
        assert loop_fmr(impostor, np.nextafter(threshold, -np.inf)) > allowed


@settings(deadline=None)
@given(scores, rates, st.data())
def test_weights_are_repeated_scores(impostor, target, data):
    weights = data.draw(
        st.lists(st.integers(0, 3), min_size=len(impostor), max_size=len(impostor)).filter(any)
    )
    repeated = np.repeat(impostor, weights)
    assert metrics.threshold_at_fmr(impostor, target, weights=weights) == metrics.threshold_at_fmr(
        repeated, target
    )
    genuine = [0.5, -0.25]
    weighted = metrics.equal_error_rate(genuine, impostor, impostor_weights=weights)
    assert weighted.value == pytest.approx(metrics.equal_error_rate(genuine, repeated).value)


@settings(deadline=None)
@given(scores, rates)
def test_the_tail_alone_gives_the_same_threshold_or_refuses(impostor, target):
    full = metrics.threshold_at_fmr(impostor, target)
    tail = sorted(impostor)[-5:]
    try:
        assert metrics.threshold_at_fmr(tail, target, total=len(impostor)) == full
    except UsageError:
        assert target * len(impostor) * (1 + 1e-12) >= len(tail)


@settings(deadline=None)
@given(scores, scores)
def test_equal_error_rate_lies_where_the_rates_cross(genuine, impostor):
    point = metrics.equal_error_rate(genuine, impostor)
    curve = metrics.error_curve(genuine, impostor)
    above = curve.thresholds > point.threshold
    below = curve.thresholds < point.threshold
    assert 0.0 <= point.value <= 1.0
    assert (curve.fnmr[below] <= point.value + 1e-9).all()
    assert (curve.fmr[above] <= point.value + 1e-9).all()


@pytest.mark.parametrize(
    ("genuine", "impostor", "value"),
    [
        ([1.0], [0.0], 0.0),  # apart
        ([0.0], [1.0], 1.0),  # the wrong way round
        ([0.5], [0.5], 0.5),  # one tie
        ([0.5] * 7, [0.5] * 9, 0.5),  # all equal
        ([0.0, 1.0], [0.0, 1.0], 0.5),  # the same scores on both sides
        ([2.0, 3.0, 4.0, 5.0], [0.0, 1.0, 1.5, 2.5], 0.25),
    ],
)
def test_equal_error_rate_of_known_scores(genuine, impostor, value):
    assert metrics.equal_error_rate(genuine, impostor).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("impostor", "target", "matches"),
    [
        (np.arange(100), 0.29, 29),  # 0.29 × 100 is 28.999… in binary
        (np.arange(10_000), 1e-4, 1),
        (np.arange(9_999), 1e-4, 0),  # finer than one in all
        ([0.5] * 10, 0.5, 0),  # all equal: all or none
        ([0.5] * 10, 1.0, 10),
        ([0.1, 0.5, 0.5, 0.5], 0.5, 0),  # a tie across the target
        ([0.1, 0.5, 0.5, 0.5], 0.75, 3),
        ([1.0], 0.0, 0),
    ],
)
def test_thresholds_of_known_scores(impostor, target, matches):
    threshold = metrics.threshold_at_fmr(impostor, target)
    assert metrics.false_match_rate(impostor, threshold).count == matches


def test_an_empty_side_counts_nothing_and_says_so():
    nothing = metrics.false_match_rate([], 0.0)
    assert (nothing.count, nothing.total, nothing.low, nothing.high) == (0, 0, 0.0, 1.0)
    assert math.isnan(nothing.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.error_curve([], [0.0]),
        lambda: metrics.error_curve([0.0], []),
        lambda: metrics.equal_error_rate([], []),
        lambda: metrics.threshold_at_fmr([], 0.1),
        lambda: metrics.threshold_at_fmr([0.1], -0.1),
        lambda: metrics.threshold_at_fmr([0.1], math.nan),
        lambda: metrics.threshold_at_fmr([0.1, 0.2], 0.1, total=1),
        lambda: metrics.threshold_at_fmr([0.1, 0.2], 0.1, weights=[0, 0]),
        lambda: metrics.threshold_at_fmr([0.1, 0.2], 0.1, weights=[1, -1]),
        lambda: metrics.threshold_at_fmr([0.1, 0.2], 0.1, weights=[1]),
        lambda: metrics.false_match_rate([math.inf], 0.0),
        lambda: metrics.false_non_match_rate([-math.inf], 0.0),
        lambda: metrics.false_match_rate([math.nan], 0.0),
        lambda: metrics.false_match_rate([0.0], math.nan),
        lambda: metrics.false_match_rate([[0.0]], 0.0),
        lambda: metrics.accuracy_over_folds([0.0, 1.0], [True, False], [1, 1]),
        lambda: metrics.accuracy_over_folds([0.0, 1.0], [True], [1, 2]),
        lambda: metrics.best_threshold([], []),
    ],
)
def test_what_cannot_be_judged_is_refused(call):
    with pytest.raises(UsageError):
        call()


@settings(deadline=None)
@given(scores, st.data())
def test_best_threshold_beats_every_other(values, data):
    same = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))

    def right(threshold):
        return sum((s >= threshold) == t for s, t in zip(values, same, strict=True))

    best = metrics.best_threshold(values, same)
    assert right(best) == max(right(t) for t in [*values, max(values) + 1.0])


def test_folds_never_choose_their_own_threshold():
    # Fold 1 alone would be judged perfectly at 0.15; the others make it 0.5.
    values = [0.1, 0.2] + [0.0, 0.5] * 2
    same = [False, True] * 3
    result = metrics.accuracy_over_folds(values, same, [1, 1, 2, 2, 3, 3])
    assert result.thresholds[0] == 0.5
    assert result.folds[0] == 0.5
    assert result.mean == pytest.approx(np.mean(result.folds))
    assert result.standard_error == pytest.approx(np.std(result.folds, ddof=1) / math.sqrt(3))
