"""What the rotation preserves, and what it hides. The vectors are drawn, not of people."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlyme.errors import UsageError, VaultDamaged
from onlyme.storage.rotation import Rotation
from onlyme.storage.template import from_bytes
from onlyme.vault.key_slot import KeySlot
from onlyme.vault.protection import protect, unprotect
from onlyme.vault.store import Store


def auc(genuine, impostor):
    """How often a genuine score is the higher one; 0.5 is a coin."""
    wins = (genuine[:, None] > impostor[None, :]).mean()
    return wins + 0.5 * (genuine[:, None] == impostor[None, :]).mean()


@given(st.binary(max_size=40), st.integers(2, 140), st.integers(0, 2**32 - 1))
def test_distances_survive(seed, dimension, drawn):
    rows = np.random.default_rng(drawn).standard_normal((4, dimension))
    turned = Rotation(seed, dimension).rotate(rows)
    before = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    after = np.linalg.norm(turned[:, None].astype(float) - turned[None], axis=2)
    np.testing.assert_allclose(after, before, atol=1e-4)


@given(st.binary(max_size=40), st.integers(1, 140))
def test_it_can_be_undone(seed, dimension):
    rows = np.random.default_rng(1).standard_normal((3, dimension))
    rotation = Rotation(seed, dimension)
    np.testing.assert_allclose(rotation.rotate_back(rotation.rotate(rows)), rows, atol=1e-5)


def test_it_is_drawn_evenly():
    """A Haar-distributed matrix has a trace of variance 1 and entries of variance 1/d."""
    eye = np.eye(16)
    drawn = [Rotation(number.to_bytes(4, "big"), 16).rotate(eye) for number in range(1500)]
    traces = np.array([np.trace(matrix) for matrix in drawn])
    entries = np.array([matrix.ravel() for matrix in drawn])
    assert abs(traces.mean()) < 0.1
    assert abs(traces.var() - 1) < 0.15
    np.testing.assert_allclose(entries.var(axis=0) * 16, 1, atol=0.25)
    assert 0.45 < np.mean([np.linalg.det(matrix) > 0 for matrix in drawn]) < 0.55


def test_the_same_seed_gives_the_same_rotation_for_ever():
    turned = Rotation(b"a seed", 4).rotate(np.eye(4))
    # Written down when it was made: stored templates depend on it.
    known = [-0.8904091, 0.0673264, -0.4415159, -0.0877635]
    np.testing.assert_allclose(turned[0], known, atol=1e-6)


def unsealed(template):
    """What a vault with a key of its own stores, without the seal."""
    return protect(template, KeySlot.draw_keys())


def people(vectors, count):
    """Two templates each of people who do not exist: same person, other photos."""
    rng = np.random.default_rng(8)
    centres = vectors(count)
    pairs = []
    for centre in centres:
        photos = centre + 0.04 * rng.standard_normal((10, 128))
        photos = (photos / np.linalg.norm(photos, axis=1, keepdims=True)).astype(np.float32)
        pairs.append((photos[:5], photos[5:]))
    return pairs


def test_two_vaults_cannot_be_linked_without_the_key(vectors, make):
    # For this number of unlinkable pairs the area has a deviation of 0.019; the bounds are five.
    pairs = people(vectors, 240)
    plain = [(a.mean(0), b.mean(0)) for a, b in pairs]
    hidden = [
        (
            unsealed(make(me=a)).values["me"].mean(0),
            unsealed(make(me=b)).values["me"].mean(0),
        )
        for a, b in pairs
    ]
    for sides, low, high in ((plain, 0.999, 1.0), (hidden, 0.4, 0.6)):
        scores = np.array([[a @ b for _, b in sides] for a, _ in sides])
        mates = np.eye(len(sides), dtype=bool)
        assert low <= auc(scores[mates], scores[~mates]) <= high


def test_a_revoked_template_matches_nothing_of_what_replaced_it(vectors, make):
    keys = KeySlot.draw_keys()
    template = make(me=people(vectors, 1)[0][0])
    before, after = protect(template, keys), protect(template, keys)
    own = before.values["me"] @ before.values["me"].T
    other = before.values["me"] @ after.values["me"].T
    assert own.min() > 0.6
    assert np.abs(other).max() < 0.4
    # Put into the new template's place, the old vectors stand for another person.
    stolen = replace(after, values={**after.values, "me": before.values["me"]})
    assert (unprotect(stolen, keys).values["me"] @ template.values["me"].T).max() < 0.4


def test_matching_is_as_before(vectors, make):
    keys = KeySlot.draw_keys()
    template = make(me=vectors(5))
    back = unprotect(protect(template, keys), keys)
    probe = vectors(50)
    np.testing.assert_allclose(
        probe @ back.values["me"].T, probe @ template.values["me"].T, atol=1e-6
    )


def recovered(plain, hidden):
    """The best rotation that takes some vectors to others (orthogonal Procrustes)."""
    u, _, v = np.linalg.svd(plain.T.astype(float) @ hidden)
    return u @ v


def test_known_photos_of_others_do_not_give_the_owner_away(vectors, make):
    """NOT_ME may be a public data set, which an attacker who decrypts the store knows."""
    public = vectors(300)
    template = make(not_me=public)
    stored = protect(template, KeySlot.draw_keys()).values
    attack = recovered(public, stored["not_me"])
    np.testing.assert_allclose(stored["not_me"] @ attack.T, public, atol=1e-5)  # theirs: found
    owner = stored["me"] @ attack.T
    assert np.abs(np.sum(owner * template.values["me"], axis=1)).max() < 0.4  # the owner's: not


def test_nothing_public_is_stored():
    """The shipped cohort, rotated or not, is in no template: see `Owner.to_template`."""
    from onlyme.siamese.examples import Examples
    from onlyme.siamese.head import Base
    from onlyme.siamese.owner import Owner

    base = Base.make_plain("ab" * 32, 128)
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((9, 128))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    examples = Examples(rows[:5], rows[5:8], rows[8:], learned=rows[:0], lessons=rows[:0])
    template = Owner.learn(base, "ada", examples, alpha=0.3).to_template()
    vectors_in = {
        key: value
        for key, value in template.values.items()
        if isinstance(value, np.ndarray) and value.shape[-1:] == (128,)
    }
    # Everything that looks like vectors is rotated, but for the head's scale: it is near one
    # in every number, so rotated it would be a known pair.
    assert set(vectors_in) - set(template.secret) <= {"learned.scale"}
    assert sum(value.size for value in vectors_in.values()) // 128 <= 2 * len(rows) + 2


def test_what_is_no_array_of_vectors_cannot_be_secret(make):
    keys = KeySlot.draw_keys()
    with pytest.raises(UsageError):
        protect(replace(make(), secret={"alpha": "me"}), keys)
    with pytest.raises(UsageError):
        protect(protect(make(), keys), keys)
    with pytest.raises(VaultDamaged):
        unprotect(replace(protect(make(), keys), secret={"nothing": "me"}), keys)


def test_every_writing_draws_another_rotation(folder, make):
    store = Store(folder)
    template, salts = make(), []
    for _ in range(2):
        with store.edit() as edit:
            edit.put(template)
            salts.append(from_bytes(edit.read("template", "ada")).salt)
    assert len(salts[0]) == 32
    assert salts[0] != salts[1]
    store.close()
