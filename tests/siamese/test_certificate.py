"""A certificate says what is promised, on what grounds, and what is not."""

from dataclasses import replace

import numpy as np
import pytest

from onlyme.errors import NotCalibrated, UsageError
from onlyme.siamese.certificate import make_certificate
from onlyme.siamese.distance import normalize
from onlyme.siamese.head import Base
from onlyme.siamese.learning import learn_owner

MODEL = "487a139eb85ccd5ff30aef7d0add7f12d2bb7abb90c5f08a7f481b452a660e00"


@pytest.fixture(scope="module")
def owner():
    generator = np.random.default_rng(1)
    me = normalize(
        normalize(generator.standard_normal(128)) + 0.06 * generator.standard_normal((5, 128))
    )
    return learn_owner(Base.load(MODEL), me.astype(np.float32))


def test_counts_carry_what_they_can(owner):
    found = make_certificate(owner, far=1e-4)
    assert found.modelled_tries is None
    assert found.counted_tries < 1e4  # a bound with confidence never reaches the estimate
    assert found.counted_tries > 3e3
    assert found.comparisons > 1e6
    assert 100 < found.owners < found.strangers
    said = " ".join(found.sentences())
    assert f"{found.counted_tries:,}" in said
    assert "95 % bound" in said
    for word in ("twins", "siblings", "children"):
        assert word in said


def test_beyond_the_counts_a_model_speaks_and_says_so(owner):
    found = make_certificate(owner, far=1e-6)
    assert found.modelled_tries is not None
    assert found.counted_tries < found.modelled_tries < 1e6
    assert any(text.startswith("Modelled, not proven") for text in found.sentences())


def test_far_beyond_nothing_more_is_claimed(owner):
    near, beyond = make_certificate(owner, far=1e-7), make_certificate(owner, far=1e-9)
    assert beyond.modelled_tries is None
    assert beyond.counted_tries == near.counted_tries
    assert any("no more is claimed" in text for text in beyond.sentences())


def test_a_stricter_alpha_never_promises_less(owner):
    tries = [make_certificate(owner, far=10.0**-e).counted_tries for e in np.arange(2, 8, 0.25)]
    assert tries == sorted(tries)


def test_every_counted_bound_lies_above_what_was_seen():
    for row in Base.load(MODEL).card["counted"]:
        assert row["upper95"] > row["rate"] > 0
        assert row["rate"] == pytest.approx(row["far"], rel=0.1)
        assert row["accepted_pairs"] <= row["accepts"] <= row["comparisons"]


def test_an_alpha_that_promises_nothing_is_said_to(owner):
    with pytest.raises(NotCalibrated, match="too low"):
        make_certificate(owner, alpha=-1.0)


def test_without_calibration_there_is_no_certificate(owner):
    plain = learn_owner(
        Base.make_plain(MODEL, 128), owner.base.mean[None] / np.linalg.norm(owner.base.mean)
    )
    with pytest.raises(NotCalibrated):
        make_certificate(plain)


def test_alpha_or_rate_but_not_both(owner):
    assert make_certificate(owner).alpha == owner.alpha
    assert make_certificate(owner, alpha=owner.alpha_at(1e-5)).far == pytest.approx(1e-5, rel=0.02)
    with pytest.raises(UsageError, match="not both"):
        make_certificate(owner, alpha=0.2, far=1e-4)


def test_more_photos_than_were_measured_take_the_last_row(owner):
    many = replace(owner, photos=40)
    assert make_certificate(many, far=1e-3).owners == min(
        row["owners"] for row in owner.base.card["counted"]
    )
