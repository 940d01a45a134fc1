"""Calibration of a network of one's own: its promise holds, and what cannot be shown is refused."""

import json

import numpy as np
import pytest

from onlyme.errors import UsageError
from onlyme.face.models import find_model
from onlyme.lab.calibration import (
    add_strangers,
    calibrate,
    plan_calibration,
)
from onlyme.lab.face_cache import hash_faces
from onlyme.lab.people import People
from onlyme.siamese.distance import SHIPPED_LIMITS, UNMEASURED_LIMITS
from onlyme.siamese.head import Base
from onlyme.siamese.learning import learn_owner

MODEL = "ab" * 32


def draw_people(count, photos, seed, dimension=24):
    """Vectors of people who do not exist, as a fair network would make them."""
    source = np.random.default_rng(seed)
    who = np.repeat(np.arange(count), photos)
    centres = source.normal(size=(count, dimension))
    vectors = centres[who] + 0.45 * source.normal(size=(len(who), dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), who


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    done = calibrate(*draw_people(200, 3, seed=1), MODEL, folder, source="drawn")
    return done, Base.read(done.path, MODEL)


def test_a_promise_holds_for_people_that_the_calibration_never_saw(base):
    done, loaded = base
    assert loaded.calibrated
    assert done.plan.counted_from <= 1e-3
    vectors, who = draw_people(400, 3, seed=2)
    accepted = total = 0
    for owner in range(40):
        mine = vectors[who == owner]
        learned = learn_owner(loaded, mine[:2], np.empty((0, 24), np.float32), far=1e-2)
        strangers = vectors[who >= 40]
        accepted += int((learned.margins(strangers) >= learned.alpha).sum())
        total += len(strangers)
    assert 2e-3 < accepted / total < 3e-2, "1e-2 was promised"


def test_doubles_and_strays_are_noticed_by_limits_of_this_network(base, tmp_path):
    """Between the pairs of one person, by plain loops; a weak network refuses no own photo."""
    _, loaded = base
    vectors, who = draw_people(200, 3, seed=1)
    apart = [
        float(np.linalg.norm(vectors[a] - vectors[b]))
        for a in range(len(who))
        for b in range(a)
        if who[a] == who[b]
    ]
    near, far = loaded.photo_limits
    assert near == pytest.approx(min(apart) / 2, abs=1e-6)
    assert 0 < sum(one > far for one in apart) <= 0.005 * len(apart)
    noise, _ = draw_people(600, 1, seed=5)
    weak = calibrate(noise, who, "cd" * 32, tmp_path)
    assert Base.read(weak.path, "cd" * 32).photo_limits.same_person > 1.4, "as of two people"
    shipped = Base.load(find_model("embedder").sha256).photo_limits
    assert shipped == SHIPPED_LIMITS
    assert Base.make_plain("ef" * 32, 24).photo_limits == UNMEASURED_LIMITS


def test_strangers_who_are_given_count_against_the_owners(base, tmp_path):
    """Doubles of the owners are accepted more often: the same rate refuses more owners."""
    done, _ = base
    vectors, _ = draw_people(200, 3, seed=1)
    doubles = vectors[::3] + 0.05 * np.random.default_rng(4).normal(size=(200, 24))
    doubles = (doubles / np.linalg.norm(doubles, axis=1, keepdims=True)).astype(np.float32)
    album = People(tuple(map(str, range(200))), tuple(np.zeros((200, 3, 2, 2, 3), np.uint8)))
    album = add_strangers(album, np.ones((200, 2, 2, 3), np.uint8))
    assert album.counts.tolist() == [3] * 200 + [1] * 200
    labels = np.repeat(np.arange(len(album)), album.counts)
    stricter = calibrate(np.concatenate([vectors, doubles]), labels, MODEL, tmp_path)
    assert (stricter.people, stricter.owners) == (400, done.owners), "they do not enroll"
    counted, more = (one.card["counted"][0] for one in (done, stricter))
    assert more["comparisons"] > counted["comparisons"]
    refused = [one.card["misses"][0]["rate"] for one in (done, stricter)]
    assert refused[1] > refused[0] + 0.1
    known = hash_faces(np.ones((1, 2, 2, 3), np.uint8))
    assert len(album.select(~album.find_known(known))) == 200


def test_rates_that_the_people_cannot_show_are_refused(base):
    done, loaded = base
    vectors, _ = draw_people(1, 2, seed=3)
    learned = learn_owner(loaded, vectors, np.empty((0, 24), np.float32), far=1e-3)
    with pytest.raises(UsageError, match="a false accept rate lies between"):
        learned.alpha_at(done.plan.lowest / 10)
    card = json.loads(done.path.with_suffix(".json").read_text())
    assert card["counted_from"] == done.plan.counted_from
    assert card["data"] == {"people": 200, "photos": 600, "source": "drawn"}


def test_too_few_people_promise_nothing(tmp_path):
    for people in (5, 100, 141):
        with pytest.raises(UsageError, match="allow no promise"):
            calibrate(*draw_people(people, 3, seed=1), MODEL, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_more_people_are_counted_further():
    assert plan_calibration(draw_people(142, 2, seed=0)[1]).counted_from == pytest.approx(1e-3)
    few, many = (plan_calibration(draw_people(n, 2, seed=0)[1]) for n in (150, 1500))
    assert few.counted_from > many.counted_from >= 1e-5
    assert few.photos == many.photos == (1,)
    assert plan_calibration(draw_people(150, 9, seed=0)[1]).photos == (1, 2, 3, 5, 8)


def test_people_whom_the_network_learned_are_left_out(people):
    known = hash_faces(np.concatenate([people.faces[3][:1], people.faces[5]]))
    left = people.select(~people.find_known(known))
    assert set(people.names) - set(left.names) == {people.names[3], people.names[5]}
