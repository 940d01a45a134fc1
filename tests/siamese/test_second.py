"""Test that the second look decides as its calibration says, and only where it can."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlyme.errors import NotCalibrated, VaultDamaged
from onlyme.face.models import find_model
from onlyme.faceid.networks import load_second
from onlyme.siamese.examples import Examples
from onlyme.siamese.head import Base
from onlyme.siamese.owner import Owner
from onlyme.siamese.second import SecondRule
from onlyme.types import Embedding

MODEL = find_model("embedder").sha256
NONE = np.empty((0, 128), np.float32)
BASE = Base.load(MODEL)
RULE = BASE.second
SECOND = RULE.model
SIZE = 192 + 128

numbers = st.floats(-1.5, 1.5)
gains = st.floats(*RULE.gains)
photos = st.sampled_from([1, 2, 3, 4, 5, 8, 20])


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def draw(count, seed, size=128, spread=0.5):
    random = np.random.default_rng(seed)
    return unit(
        np.random.default_rng(size).normal(size=size) + spread * random.normal(size=(count, size))
    )


def examples(count=3, seconds=3, model=SECOND):
    rows = draw(count, 1)
    return Examples(rows, NONE, NONE, NONE, NONE, second=draw(seconds, 2, SIZE), second_model=model)


@pytest.fixture(scope="module")
def ada():
    return Owner.learn(BASE, "ada", examples(), far=1e-4)


def test_it_is_shipped_and_belongs_to_both_networks_and_the_base():
    look = load_second()
    assert RULE.model == look.model
    assert look.dimension == SIZE
    assert RULE.base == BASE.made
    assert 0 < RULE.weight < 1
    assert RULE.nearest < RULE.farthest
    assert 0 < RULE.most < 0.1


@given(distance=st.floats(0, 2), nearer=st.floats(-2, 2))
def test_a_gain_lies_between_the_limits(distance, nearer):
    gain = float(RULE.hold(np.array(distance), np.array(nearer)))
    least, most = RULE.gains
    assert least - 1e-9 <= gain <= most + 1e-9
    assert RULE.hold(np.array(distance + 0.1), np.array(nearer)) <= gain
    assert RULE.hold(np.array(distance), np.array(nearer + 0.01)) >= gain


def test_the_gain_is_what_the_module_says():
    """Computed again, without the code of the product."""
    me, seen = draw(3, 1), draw(3, 2, SIZE)
    face, view = draw(1, 3)[0], draw(1, 4, SIZE)[0]

    def head(row):
        return unit(BASE.projection @ (row - BASE.mean))

    def away(one, many):
        return float(np.linalg.norm(one - unit(np.mean(many, axis=0))))

    other = away(unit(view[:192]), [unit(row[:192]) for row in seen])
    both = [unit(own + unit(row[192:])) for own, row in zip(me, seen, strict=True)]
    joined = away(head(unit(face + unit(view[192:]))), [head(row) for row in both])
    nearer = away(head(face), [head(row) for row in me]) - joined
    wanted = np.clip(nearer, -RULE.most, RULE.most)
    wanted -= RULE.weight * np.clip(other, RULE.nearest, RULE.farthest)
    assert RULE.measure_gain(BASE.project, face, view, me, seen) == pytest.approx(wanted, abs=1e-5)


@given(z=numbers, alpha=numbers, gain=gains, count=photos)
def test_a_closed_face_is_decided_as_if_it_had_been_looked_at(z, alpha, gain, count):
    """The cascade never decides otherwise than the fused score does."""
    # Beyond the ends of a curve rates are equal, so that only alphas within it can be told apart.
    low, high = (BASE.curve.z_at(far, count) for far in (0.5, 1e-9))
    alpha = min(max(alpha, low), high)
    if RULE.is_open(z, alpha, count):
        return
    fused = RULE.fuse(z, gain, count)
    assert (fused >= alpha) == (z >= alpha) or abs(fused - alpha) < 1e-6


@given(z=numbers, step=st.floats(0, 0.5), gain=gains, count=photos)
def test_a_higher_score_is_never_worse(z, step, gain, count):
    assert RULE.fuse(z + step, gain, count) >= RULE.fuse(z, gain, count) - 1e-9
    assert RULE.fuse(z, gain + step, count) >= RULE.fuse(z, gain, count) - 1e-9


@given(z=st.floats(-0.1, 0.5), gain=gains, count=photos)
def test_the_fused_z_has_the_rate_of_the_score(z, gain, count):
    rate = RULE.curve.far_at(z + gain, count)
    assert BASE.curve.far_at(RULE.fuse(z, gain, count), count) == pytest.approx(rate, rel=1e-6)


def test_few_faces_are_open():
    """Strangers lie at z of about 0.6 below alpha, owners as far above it."""
    alpha = BASE.curve.z_at(1e-4, 1)
    assert RULE.is_open(alpha, alpha, 1)
    assert not RULE.is_open(alpha - 0.3, alpha, 1)
    assert not RULE.is_open(alpha + 0.3, alpha, 1)


def face_at(owner, wanted):
    """A face whose margin by the first network alone is about `wanted` above alpha."""
    me, away = owner.examples.me.mean(axis=0), -owner.examples.me.mean(axis=0)
    random = np.random.default_rng(7).normal(size=128)
    away = away / np.linalg.norm(away) * 0.2 + random / np.linalg.norm(random)
    steps = np.linspace(0, 1, 4001)[:, None]
    rows = unit((1 - steps) * me / np.linalg.norm(me) + steps * away)
    margins = owner.margins(rows) - owner.alpha
    return rows[[int(np.abs(margins - wanted).argmin())]]


def second_at(owner, near):
    """The second network's view of the same face: near to the owner's, or far from it."""
    me = unit(owner.examples.second.mean(axis=0))
    return Embedding(me if near else unit(-me), SECOND)


@pytest.mark.parametrize("wanted", [-0.01, 0.004])
def test_near_alpha_the_second_network_decides(ada, wanted):
    probe = face_at(ada, wanted)
    assert ada.decide(probe).accepted is (wanted > 0)
    assert ada.decide(probe, lambda _: second_at(ada, near=True)).accepted
    assert not ada.decide(probe, lambda _: second_at(ada, near=False)).accepted


@pytest.mark.parametrize("wanted", [-0.3, 0.2])
def test_far_from_alpha_it_is_not_asked(ada, wanted):
    probe = face_at(ada, wanted)
    decision = ada.decide(probe, lambda _: pytest.fail("the second network was asked"))
    assert decision == ada.decide(probe)


@pytest.mark.parametrize("wanted", [-0.3, 0.2, -0.01])
def test_steady_asks_about_every_face_and_decides_alike(ada, wanted):
    probe, asked = face_at(ada, wanted), []

    def look(face):
        asked.append(face)
        return second_at(ada, near=True)

    steady = ada.decide(probe, look, steady=True)
    assert asked == [0]
    assert steady == ada.decide(probe, look)


def refuse(_):
    pytest.fail("the second network was asked")


@pytest.mark.parametrize(
    "given_examples",
    [
        replace(examples(), second=np.empty((0, 0), np.float32), second_model=""),  # an old one
        examples(3, 2),  # photos were added to an old one
        examples(model="f" * 64),  # another second network
    ],
)
def test_without_a_vector_of_each_photo_one_network_decides(given_examples):
    owner = Owner.learn(BASE, "ada", given_examples, far=1e-4)
    assert owner.second_rule is None
    probe = face_at(owner, 0.01)
    assert owner.decide(probe, refuse) == owner.decide(probe)


def test_a_setting_leaves_it_out(ada):
    owner = Owner.learn(replace(BASE, second=None), "ada", ada.examples, far=1e-4)
    assert owner.second_rule is None
    assert owner.alpha == ada.alpha


@pytest.mark.parametrize(
    "seen",
    [None, Embedding(draw(1, 3, SIZE)[0], "f" * 64), Embedding(draw(1, 3, 64)[0], SECOND)],
)
def test_a_view_that_does_not_fit_changes_nothing(ada, seen):
    probe = face_at(ada, -0.01)
    assert ada.decide(probe, lambda _: seen) == ada.decide(probe)


def test_an_error_of_the_second_network_opens_nothing(ada):
    def look(_):
        raise RuntimeError("no network")

    with pytest.raises(RuntimeError):
        ada.decide(face_at(ada, 0.004), look)


def test_a_template_carries_its_vectors(ada):
    again = Owner.from_template(BASE, ada.to_template())
    np.testing.assert_array_equal(again.examples.second, ada.examples.second)
    assert again.second_rule is RULE
    assert ada.to_template().secret["second"] == "me"


def test_a_template_of_an_earlier_version_opens(ada):
    template = ada.to_template()
    values = {key: value for key, value in template.values.items() if not key.startswith("second")}
    again = Owner.from_template(BASE, replace(template, values=values))
    assert again.second_rule is None
    assert again.alpha == ada.alpha


@pytest.mark.parametrize(
    "second",
    [np.ones((3, SIZE), np.float32), np.full((3, SIZE), np.nan, np.float32), "x", 3.0, np.ones(5)],
)
def test_vectors_that_make_no_sense_are_damage(ada, second):
    template = ada.to_template()
    with pytest.raises(VaultDamaged):
        Owner.from_template(BASE, replace(template, values={**template.values, "second": second}))


def test_photos_are_added_to_both(ada):
    both = ada.examples + examples(2, 2)
    assert len(both.second) == 5 == len(both.me)
    mixed = ada.examples + examples(2, 2, "f" * 64)
    assert Owner.learn(BASE, "ada", mixed, far=1e-4).second_rule is None
    old = replace(examples(2), second=np.empty((0, 0), np.float32), second_model="")
    assert Owner.learn(BASE, "ada", ada.examples + old, far=1e-4).second_rule is None
    assert Owner.learn(BASE, "ada", old + ada.examples, far=1e-4).second_rule is None


def test_removed_photos_take_their_second_vectors_with_them(ada):
    rest = ada.examples.remove({ada.examples.notes[1].number})
    np.testing.assert_array_equal(rest.second, ada.examples.second[[0, 2]])
    # Three photos of which two have a vector, without the one: which are left is not known.
    mixed = replace(examples(3, 2), notes=ada.examples.notes)
    fewer = mixed.remove({mixed.notes[0].number})
    assert len(fewer.me) == 2
    assert not fewer.has_second
    assert len(fewer.second) == 0


def test_the_certificate_counts_the_cascade(ada):
    alone = replace(ada, examples=replace(ada.examples, second_model="f" * 64))
    assert ada.certificate().accepted_pairs != alone.certificate().accepted_pairs
    assert ada.certificate().far == alone.certificate().far
    assert ada.tuning().miss != alone.tuning().miss


def test_counts_agree_with_what_is_promised():
    for row in RULE.card["counted"]:
        assert row["rate"] == pytest.approx(row["far"], rel=0.06)


def test_a_damaged_or_foreign_file_is_refused(tmp_path):
    path = tmp_path / "second.npz"
    assert SecondRule.read(path, BASE.made, BASE.curve) is None
    path.write_bytes(b"no arrays")
    with pytest.raises(NotCalibrated, match="damaged"):
        SecondRule.read(path, BASE.made, BASE.curve)
    np.savez(path, card=np.array('{"base": "other"}'))
    with pytest.raises(NotCalibrated, match="another base"):
        SecondRule.read(path, BASE.made, BASE.curve)
