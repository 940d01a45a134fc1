"""Test that the second network decides close calls among many people, and only those."""

from dataclasses import replace

import numpy as np
import pytest

from onlyme.errors import VaultDamaged
from onlyme.face.models import find_model
from onlyme.gallery.candidates import SecondLook, look_again, rank_candidates
from onlyme.gallery.gallery import GalleryPerson
from onlyme.gallery.identify import (
    compute_shared_far,
    find_matches,
    identify_capture,
    identify_vector,
)
from onlyme.gallery.rekey import renew
from onlyme.gallery.stores.migrate import hash_rows, migrate
from onlyme.siamese.head import Base
from onlyme.storage.template import Template, to_bytes
from onlyme.types import Embedding, Reason

BASE = Base.load(find_model("embedder").sha256)
RULE = BASE.second
SECOND = RULE.model
OTHER, SIZE = 192, 192 + 128
FPIR = 1e-2


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def draw(*shape, seed):
    return unit(np.random.default_rng(seed).standard_normal(shape))


def seen_twice(person, seed, model=SECOND):
    return replace(person, second=draw(len(person.me), SIZE, seed=seed), second_model=model)


def near(person, away, seed=7):
    """A second vector of a face, in both views at about this distance from the person's."""
    parts = person.second[:, :OTHER], person.second[:, OTHER:]
    views = [_turn_away(unit(unit(part).mean(axis=0)), away, seed) for part in parts]
    return Embedding(unit(np.concatenate(views)), SECOND)


def _turn_away(template, away, seed):
    side = draw(len(template), seed=seed)
    side = unit(side - (side @ template) * template)
    cosine = 1 - away**2 / 2
    return unit(cosine * template + np.sqrt(1 - cosine**2) * side)


def measure_gain(person, face, seen):
    return RULE.measure_gain(BASE.project, face, seen.vector, person.me, person.second)


@pytest.fixture
def known(gallery, crowd):
    """Forty people with one photo each, all seen by both networks."""
    people, directions = crowd.people(40)
    people = [seen_twice(person, seed) for seed, person in enumerate(people)]
    gallery.put(people)
    return gallery, people, directions


def find_close_call(gallery, person, other):
    """Find a face of which the first network leaves open whether it shows a person."""
    far = compute_shared_far(gallery.base, FPIR, len(gallery))
    alpha = RULE.first.z_at(far, 1)
    for share in np.linspace(0.2, 0.9, 200):
        face = unit((1 - share) * person.me[0] + share * other)
        found = rank_candidates(gallery, BASE.project(face[None]))
        one = next((each for each in found if each.name == person.name), None)
        if one is not None and found[0] is one:
            z = one.margin - one.centre
            rivals = max(each.margin - each.centre for each in found if each is not one)
            if RULE.is_open(z, alpha, 1) and rivals < z - 0.1:
                return face, z, alpha
    pytest.fail("no close call")


@pytest.fixture
def close(known, crowd):
    gallery, people, _ = known
    face, z, alpha = find_close_call(gallery, people[3], crowd.strangers(1)[0])
    return gallery, people, face, z, alpha


def test_the_second_network_decides_a_close_call(close):
    gallery, people, face, z, alpha = close
    alone = identify_vector([], gallery, face, FPIR)
    assert alone.accepted == (z >= alpha)
    answers = {}
    for away in (0.5, 1.4):
        look = SecondLook(lambda _, away=away: near(people[3], away))
        answers[away] = identify_vector([], gallery, face, FPIR, look=look)
    assert (answers[0.5].name, answers[0.5].reason) == ("person 3", Reason.MATCH)
    assert answers[1.4].reason is Reason.NO_MATCH
    # The margin is the one that stands for the same rate by the first network.
    fused = RULE.fuse(z, measure_gain(people[3], face, near(people[3], 0.5)), 1)
    assert answers[0.5].margin - answers[0.5].alpha == pytest.approx(fused - alpha, abs=1e-6)
    assert answers[0.5].far == pytest.approx(FPIR / 40, rel=1e-6)


@pytest.mark.parametrize("steady", [False, True])
def test_it_looks_where_it_can_change_the_decision_or_everywhere(close, steady):
    gallery, people, face, _, _ = close
    looked = []

    def find(row):
        looked.append(row)
        return near(people[3], 1.4)

    look = SecondLook(find, steady=steady)
    clear = identify_vector([], gallery, people[5].me[0], FPIR, look=look)
    assert clear.name == "person 5"
    stranger = -face  # far from everybody
    assert identify_vector([], gallery, stranger, FPIR, look=look).reason is Reason.NO_MATCH
    assert bool(looked) is steady
    assert identify_vector([], gallery, face, FPIR, look=look).reason is Reason.NO_MATCH
    assert looked


def test_a_steady_look_does_not_change_what_is_settled(close):
    gallery, people, face, _, _ = close
    rest = [face, -face, *(person.me[0] for person in people[:6])]
    for one in rest:
        both = [
            identify_vector(
                [], gallery, one, FPIR, candidates=8,
                look=SecondLook(lambda _: near(people[3], 1.2), steady=steady),
            )
            for steady in (False, True)
        ]  # fmt: skip
        assert both[0] == both[1]


def test_steady_looks_also_where_nobody_was_seen_twice(gallery, crowd):
    """Otherwise the time would tell whether a person who is near was enrolled lately."""
    looked = []
    look = SecondLook(looked.append, steady=True)
    identify_vector([], gallery, crowd.strangers(1)[0], FPIR, look=look)  # of an empty gallery too
    gallery.put(crowd.people(5)[0])
    identify_vector([], gallery, crowd.strangers(1)[0], FPIR, look=look)
    assert looked == [0, 0]


def test_the_cascade_decides_as_if_all_had_been_looked_at(known, crowd):
    gallery, people, directions = known
    random = np.random.default_rng(5)
    far = compute_shared_far(BASE, FPIR, len(people))
    for n in range(60):
        who = people[n % len(people)]
        face = unit(directions[n % len(people)] + random.uniform(0.3, 2.5) * crowd.strangers(1)[0])
        seen = near(who, random.uniform(0.3, 1.4), seed=1000 + n)
        candidates = rank_candidates(gallery, BASE.project(face[None]))
        again = look_again(candidates, BASE, far, face[None], SecondLook(lambda _, s=seen: s))
        for one, after in zip(candidates, again, strict=True):
            z = one.margin - one.centre
            gain = measure_gain(one.person, face, seen)
            assert after.decide(BASE, far).accepted == (
                RULE.fuse(z, gain, 1) >= RULE.first.z_at(far, 1)
            )


def test_the_frames_of_a_capture_are_looked_at_one_by_one(close):
    gallery, people, face, _, _ = close
    rows = []

    def find(row):
        rows.append(row)
        return near(people[3], 0.5 if row < 2 else 1.4)

    clear = people[3].me[0]
    vectors = np.stack([face, face, face, clear])
    decision, _ = identify_capture([], gallery, vectors, FPIR, look=SecondLook(find))
    assert set(rows) == {0, 1, 2}  # the clear frame is settled
    assert decision.name == "person 3"  # by three frames of four
    decision, _ = identify_capture(
        [], gallery, vectors, FPIR, look=SecondLook(lambda _: near(people[3], 1.4))
    )
    assert not decision.accepted  # one frame of four


@pytest.mark.parametrize(
    "wrong",
    [
        lambda _: None,
        lambda face: Embedding(face.vector, "ab" * 32),
        lambda face: Embedding(unit(face.vector[:100]), SECOND),
    ],
)
def test_what_cannot_be_compared_leaves_the_decision_to_the_first(close, wrong):
    gallery, people, face, _, _ = close
    alone = identify_vector([], gallery, face, FPIR)
    for away in (0.3, 1.4):
        seen = wrong(near(people[3], away))
        decision = identify_vector([], gallery, face, FPIR, look=SecondLook(lambda _, s=seen: s))
        assert (decision.reason, decision.margin) == (alone.reason, alone.margin)


@pytest.mark.parametrize("model", ["", "ab" * 32])
def test_people_whom_it_did_not_see_go_on_with_one_network(close, model):
    gallery, people, face, _, _ = close
    alone = identify_vector([], gallery, face, FPIR)
    (old,) = gallery.get(["person 3"]).values()
    kept = old.second if model else old.second[:0]
    assert gallery.put([replace(old, second=kept, second_model=model)]) == []
    for away in (0.3, 1.4):
        look = SecondLook(lambda _, away=away: near(people[3], away))
        decision = identify_vector([], gallery, face, FPIR, look=look)
        assert (decision.reason, decision.margin) == (alone.reason, alone.margin)


def test_whoever_is_enrolled_twice_stays_the_same_person(close):
    """Whether a new name belongs to somebody enrolled is asked of the first network alone."""
    gallery, people, _, _, _ = close
    assert find_matches([], gallery, people[3].me[0], FPIR) == ["person 3"]


# --------------------------------------------------------------------------- storing


def test_second_vectors_are_stored_sealed_and_survive_a_new_rotation(known):
    gallery, people, _ = known
    for _ in range(2):
        (read,) = gallery.get(["person 3"]).values()
        assert np.array_equal(read.second, people[3].second)
        assert read.second_model == SECOND
        assert read.has_second(SECOND)
        renew(gallery)
    raw = people[3].second.tobytes()
    for block in gallery.store.blocks():
        for row in block:
            assert raw[:64] not in row.sealed + row.vector.tobytes()


def test_a_copy_to_another_store_has_them(known, opens, tmp_path):
    from onlyme.gallery.stores.sqlite.store import SqliteStore

    gallery, people, _ = known
    store = gallery.store
    target = SqliteStore(tmp_path / "copy.sqlite", store.model, store.dimension)
    migrate(store, target)
    assert hash_rows(target) == hash_rows(store)
    original, gallery.store = gallery.store, target
    try:
        (read,) = gallery.get(["person 3"]).values()
    finally:
        gallery.store = original
        target.close()
    assert np.array_equal(read.second, people[3].second)


def seal_values(gallery, person, values):
    """A row as another version wrote it."""
    row = gallery.seal_row(person, gallery.salts().current)
    body = to_bytes(Template(person.name, BASE.model, person.created, values))
    return row._replace(sealed=gallery._seal.seal(body, gallery._make_context(row.key)))


def test_a_row_of_an_earlier_version_is_read_and_found(gallery, crowd):
    (person,), _ = crowd.people(1)
    row = seal_values(gallery, person, {"me": person.me, "files": {}})
    gallery.store.replace([row], {row.key: None})
    (read,) = gallery.get([person.name]).values()
    assert (read.second.size, read.second_model) == (0, "")
    look = SecondLook(lambda _: pytest.fail("there is nothing to compare with"))
    assert identify_vector([], gallery, person.me[0], FPIR, look=look).name == person.name


@pytest.mark.parametrize(
    "second",
    [np.ones(SIZE, np.float32), np.ones((1, SIZE), np.float32), np.ones((1, SIZE)), "no vectors"],
)
def test_vectors_that_make_no_sense_are_refused(gallery, crowd, second):
    (person,), _ = crowd.people(1)
    values = {"me": person.me, "files": {}, "second": second, "second_model": SECOND}
    row = seal_values(gallery, person, values)
    gallery.store.replace([row], {row.key: None})
    with pytest.raises(VaultDamaged):
        gallery.get([person.name])


@pytest.mark.parametrize(
    ("first", "other", "rows", "model"),
    [
        ((2, SECOND), (1, SECOND), 3, SECOND),
        ((2, SECOND), (0, SECOND), 0, SECOND),  # one face was too small for it
        ((0, ""), (1, SECOND), 0, ""),
        ((2, SECOND), (0, ""), 0, ""),
        ((2, SECOND), (1, "ab" * 32), 0, ""),
    ],
)
def test_photos_that_are_added_count_only_where_it_saw_all(first, other, rows, model):
    old = GalleryPerson(
        *("ada", draw(2, 128, seed=1)),
        second=draw(first[0], SIZE, seed=2) if first[0] else np.empty((0, 0), np.float32),
        second_model=first[1],
        record=b"old",
    )
    new = GalleryPerson(
        *("ada", draw(1, 128, seed=3)),
        second=draw(other[0], SIZE, seed=4) if other[0] else np.empty((0, 0), np.float32),
        second_model=other[1],
    )
    both = old.add_photos(new)
    assert (len(both.me), len(both.second), both.second_model) == (3, rows, model)
    assert both.record == b"old"
    assert both.has_second(SECOND) == (rows == 3)
