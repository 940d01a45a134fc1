"""Test the fusion, the fit of its parameters, and their file."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlyme.errors import ModelMissing, ModelRefused, UsageError
from onlyme.face.models import find_model
from onlyme.liveness import fusion
from onlyme.liveness.calibrate import fit_calibration
from onlyme.liveness.fusion import Fusion
from onlyme.liveness.passive import FrameEvidence
from onlyme.types import Verdict

FUSION = Fusion(slope=0.5, intercept=-0.25, live=0.8, attack=0.4, network="")
ORDER = [Verdict.ATTACK, Verdict.UNDECIDED, Verdict.LIVE]
odds = st.floats(-30, 30)


def glance(value):
    return FrameEvidence(value, 2.0, "" if value is not None else "blind", np.zeros(576, np.uint8))


@given(st.lists(odds, min_size=1, max_size=8))
def test_it_is_the_logistic_of_the_mean(values):
    z = 0.5 * sum(values) / len(values) - 0.25
    verdict = FUSION.fuse([glance(v) for v in values])
    assert verdict.score == pytest.approx(1 / (1 + math.exp(-z)), abs=1e-4)
    assert verdict.score == pytest.approx(FUSION.score(float(np.mean(values))), abs=1e-4)


@given(st.lists(odds, min_size=1, max_size=8), st.integers(0, 7), st.floats(0, 10))
def test_more_evidence_of_life_never_makes_it_less_live(values, which, more):
    better = list(values)
    better[which % len(values)] += more
    before = FUSION.fuse([glance(v) for v in values]).verdict
    after = FUSION.fuse([glance(v) for v in better]).verdict
    assert ORDER.index(after) >= ORDER.index(before)


@given(odds, st.integers(1, 20))
def test_saying_it_again_does_not_make_it_truer(value, times):
    assert FUSION.fuse([glance(value)] * times) == FUSION.fuse([glance(value)])


@pytest.mark.parametrize("values", [[], [None], [9.0, None, None], [None, None, None, 9.0]])
def test_mostly_blind_is_undecided(values):
    assert FUSION.fuse([glance(v) for v in values]).verdict is Verdict.UNDECIDED


def test_between_the_thresholds_is_undecided():
    verdicts = [FUSION.fuse([glance(v)]).verdict for v in np.linspace(-10, 10, 201)]
    assert [v for n, v in enumerate(verdicts) if n == 0 or verdicts[n - 1] is not v] == ORDER


def test_extreme_numbers_do_no_harm():
    assert FUSION.score(1e9) == 1.0
    assert FUSION.score(-1e9) == pytest.approx(0.0)


def test_the_shipped_parameters_belong_to_the_shipped_network():
    shipped = Fusion.load(find_model("liveness").sha256)
    assert shipped.slope > 0
    # Where the network has no opinion, or says attack, nothing is live.
    assert shipped.score(0.0) < shipped.live


def test_parameters_of_another_network_are_refused():
    with pytest.raises(ModelRefused, match="another liveness network"):
        Fusion.load("0" * 64)


GOOD = {"slope": 1.0, "intercept": 0.0, "live": 0.8, "attack": 0.5, "network": "x"}


@pytest.mark.parametrize(
    "change",
    [
        {"slope": -1.0},
        {"slope": 0.0},
        {"slope": "NaN"},
        {"live": 1.0},
        {"live": 0.3},
        {"attack": 0.0},
        {"intercept": "Infinity"},
        {"intercept": None},
        {"live": "very"},
    ],
)
def test_broken_parameters_are_refused(tmp_path, monkeypatch, change):
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({"parameters": GOOD | change}))
    monkeypatch.setattr(fusion, "CALIBRATION", path)
    with pytest.raises(ModelRefused):
        Fusion.load("x")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"parameters": 3}', "\xff"])
def test_a_broken_file_is_refused(tmp_path, monkeypatch, text):
    path = tmp_path / "calibration.json"
    path.write_bytes(text.encode("latin-1"))
    monkeypatch.setattr(fusion, "CALIBRATION", path)
    with pytest.raises(ModelRefused):
        Fusion.load("x")


def test_missing_parameters_are_said_to_be_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(fusion, "CALIBRATION", tmp_path / "nowhere.json")
    with pytest.raises(ModelMissing):
        Fusion.load("x")


def test_the_fit_finds_the_summit_of_the_likelihood():
    from scipy.optimize import minimize

    rng = np.random.default_rng(1)
    live = np.arange(60) < 20
    values = np.where(live, rng.normal(6, 3, 60), rng.normal(-9, 4, 60))
    weights = rng.uniform(0.1, 1.0, 60)

    def loss(theta):
        total = 0.0
        sums = {kind: weights[live == kind].sum() for kind in (True, False)}
        for x, kind, w in zip(values, live, weights, strict=True):
            target = (sums[True] + 1) / (sums[True] + 2) if kind else 1 / (sums[False] + 2)
            z = theta[0] * x + theta[1]
            total += w / sums[kind] * (np.logaddexp(0, z) - target * z)
        return total

    best = minimize(loss, np.zeros(2), tol=1e-10).x
    assert fit_calibration(values, live, weights) == pytest.approx(tuple(best), abs=1e-3)


def test_a_fit_needs_both_kinds():
    with pytest.raises(UsageError):
        fit_calibration(np.array([1.0]), np.array([True]), np.ones(1))
