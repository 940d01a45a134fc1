"""A false accept rate is chosen by number, by a preset's name, or by an alpha in its place."""

import math

import pytest

from onlyme.errors import UsageError
from onlyme.siamese.presets import PRESETS, choose_far, find_preset
from onlyme.types import DEFAULT_FAR, MAX_ALPHA, MAX_FAR, MIN_ALPHA, MIN_FAR


def test_presets_run_from_lenient_to_strict_and_name_a_source():
    rates = [preset.far for preset in PRESETS]
    assert rates == sorted(rates, reverse=True)
    assert all(MIN_FAR <= rate <= MAX_FAR for rate in rates)
    assert len({preset.name for preset in PRESETS}) == len(PRESETS)
    assert all(preset.source for preset in PRESETS)


def test_new_owners_get_the_rate_of_nist():
    assert find_preset("nist").far == DEFAULT_FAR


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_stands_for_its_rate(preset):
    assert find_preset(preset.name) is preset
    assert choose_far(preset=preset.name) == (preset.far, None)


@pytest.mark.parametrize("name", ["", "NIST", "paranoid"])
def test_an_unknown_preset_is_refused_and_the_known_ones_are_named(name):
    with pytest.raises(UsageError, match="relaxed, nist, household, android, hello") as refused:
        choose_far(preset=name)
    assert repr(name) in str(refused.value)


@pytest.mark.parametrize("far", [MIN_FAR, 1e-5, MAX_FAR])
def test_a_rate_in_range_is_taken(far):
    assert choose_far(far=far) == (far, None)


@pytest.mark.parametrize("alpha", [MIN_ALPHA, -0.1, 0.0, MAX_ALPHA])
def test_an_alpha_in_range_is_taken(alpha):
    assert choose_far(alpha=alpha) == (None, alpha)


@pytest.mark.parametrize("far", [0.0, -1e-4, MIN_FAR / 2, MAX_FAR * 2, 1.5, math.inf, math.nan])
def test_a_rate_out_of_range_is_refused(far):
    with pytest.raises(UsageError, match=r"false accept rate lies between 1e-10 and 0\.1"):
        choose_far(far=far)


@pytest.mark.parametrize("alpha", [-2.01, 2.01, 3.0, -math.inf, math.nan])
def test_an_alpha_out_of_range_is_refused(alpha):
    with pytest.raises(UsageError, match="alpha lies between -2 and 2"):
        choose_far(alpha=alpha)


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"far": 1e-4, "alpha": 0.1},
        {"far": 1e-4, "preset": "nist"},
        {"preset": "nist", "alpha": 0.1},
        {"far": 0.0, "alpha": 0.0},  # a zero is a choice, too
        {"far": 1e-4, "preset": "nist", "alpha": 0.1},
    ],
)
def test_just_one_must_be_given(choices):
    with pytest.raises(UsageError, match="one of far, preset and alpha"):
        choose_far(**choices)
