"""An owner is written to a template completely, and read back unchanged."""

from dataclasses import replace

import numpy as np
import pytest

from onlyme.errors import NeedsReenroll, VaultDamaged
from onlyme.face.models import find_model
from onlyme.siamese.examples import Examples
from onlyme.siamese.head import Base
from onlyme.siamese.owner import Owner

NONE = np.empty((0, 128), np.float32)


@pytest.fixture(scope="module")
def base():
    return Base.load(find_model("embedder").sha256)


def vectors(count, seed):
    rows = np.random.default_rng(seed).normal(size=(count, 128)) * 0.5
    rows += np.random.default_rng(99).normal(size=128)  # all near one person
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def ada(base):
    examples = Examples(vectors(3, 1), vectors(2, 2)[:, ::-1].copy(), NONE, NONE, NONE)
    return Owner.learn(base, "ada", examples, far=1e-4)


def changed(template, **values):
    return replace(template, values={**template.values, **values})


def test_there_and_back(base, ada):
    again = Owner.from_template(base, ada.to_template())
    probes = vectors(5, 3)
    np.testing.assert_allclose(again.margins(probes), ada.margins(probes), atol=1e-6)
    assert (again.name, again.alpha, again.promised) == (ada.name, ada.alpha, ada.promised)
    assert again.created == ada.created


def test_another_network_needs_a_new_enrollment(base, ada):
    template = replace(ada.to_template(), model="f" * 64)
    with pytest.raises(NeedsReenroll, match="--replace"):
        Owner.from_template(base, template)


def test_a_newer_head_learns_from_the_same_embeddings(base, ada):
    template = changed(ada.to_template(), **{"learned.base": "an older head"})
    again = Owner.from_template(base, template)
    assert again.alpha == pytest.approx(ada.alpha)
    assert again.created == ada.created
    by_hand = changed(template, alpha=0.7, promised=None)
    assert Owner.from_template(base, by_hand).alpha == 0.7


@pytest.mark.parametrize(
    "missing", ["me", "alpha", "promised", "learned.template", "learned.centre"]
)
def test_what_is_not_whole_is_damaged(base, ada, missing):
    template = ada.to_template()
    values = {key: value for key, value in template.values.items() if key != missing}
    with pytest.raises(VaultDamaged, match="ada"):
        Owner.from_template(base, replace(template, values=values))


def test_alpha_follows_the_promise_or_stays_where_it_was_put(base, ada):
    more = ada.examples + Examples(vectors(2, 7), NONE, NONE, NONE, NONE)
    assert ada.relearn(base, more).promised == 1e-4
    assert ada.tune(alpha=0.9).relearn(base, more).alpha == 0.9
    strict = ada.tune(far=1e-5)
    assert strict.alpha > ada.alpha
    assert ada.share_among(10).alpha == pytest.approx(strict.alpha)
    assert ada.share_among(1).alpha == ada.alpha


def test_a_network_without_calibration_promises_nothing():
    plain = Base.make_plain("e" * 64, 128)
    owner = Owner.learn(
        plain,
        "ada",
        Examples(vectors(3, 1), vectors(4, 2)[:, ::-1].copy(), NONE, NONE, NONE),
        far=1e-4,
    )
    assert owner.far is None
    assert owner.promised is None
    assert owner.decide(vectors(1, 4)).far is None


def test_open_eyes_are_stored_and_older_templates_have_none(base, ada):
    eyes = np.float32([[0.1, 0.3], [0.2, 0.25], [0.1, 0.28]])
    seeing = ada.add_eyes(eyes)
    assert not ada.knows_eyes
    assert seeing.knows_eyes
    template = seeing.to_template()
    again = Owner.from_template(base, template)
    np.testing.assert_array_equal(again.eyes, eyes)
    np.testing.assert_array_equal(again.relearn(base, again.examples).eyes, eyes)
    older = replace(template, values={k: v for k, v in template.values.items() if k != "eyes"})
    assert not len(Owner.from_template(base, older).eyes)
    assert len(seeing.add_eyes(np.zeros((99, 2), np.float32)).eyes) == 64


@pytest.mark.parametrize(
    "eyes", [np.float32([[np.nan, 0.1]]), np.float32([0.1, 0.2]), np.zeros((2, 3), np.float32), "x"]
)
def test_damaged_measures_of_eyes_are_refused(base, ada, eyes):
    with pytest.raises(VaultDamaged):
        Owner.from_template(base, changed(ada.to_template(), eyes=eyes))
