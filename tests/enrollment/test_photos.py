"""Which photos become part of a template."""

import numpy as np
import pytest

from onlyme.enrollment.photos import PhotoCollector
from onlyme.errors import EnrollmentError
from onlyme.siamese.distance import SAME_PERSON_DISTANCE, SAME_PICTURE_DISTANCE
from onlyme.types import Embedding


def vector(random, near=None, distance=0.0):
    """A random direction, or one at a distance from another."""
    direction = random.normal(size=128)
    if near is not None:
        direction -= (direction @ near) * near
        direction /= np.linalg.norm(direction)
        angle = 2 * np.arcsin(distance / 2)
        direction = np.cos(angle) * near + np.sin(angle) * direction
    return (direction / np.linalg.norm(direction)).astype(np.float32)


@pytest.fixture
def collect(pipeline):
    def collect(*vectors, known=(), measured=True):
        known = np.array(known, np.float32).reshape(len(known), 128)
        collector = PhotoCollector(pipeline, judge_quality=True, known=known, measured=measured)
        for one in vectors:
            collector.add(Embedding(one, pipeline.embedder.model))
        collector.refuse_strays()
        return [report.taken for report in collector.reports]

    return collect


def test_a_stray_among_many_is_refused(collect):
    random = np.random.default_rng(0)
    person = vector(random)
    photos = [vector(random, person, 0.6) for _ in range(4)]
    assert collect(*photos[:2], vector(random), *photos[2:]) == [True, True, False, True, True]


def test_two_against_two_shows_nobody(collect):
    random = np.random.default_rng(1)
    a, b = vector(random), vector(random)
    with pytest.raises(EnrollmentError, match="different people"):
        collect(a, vector(random, a, 0.7), b, vector(random, b, 0.7))


def test_the_known_person_decides(collect):
    random = np.random.default_rng(2)
    a, b = vector(random), vector(random)
    known = [vector(random, a, 0.6) for _ in range(3)]
    assert collect(vector(random, a, 0.6), b, known=known) == [True, False]


@pytest.mark.parametrize(
    ("distance", "taken"),
    [(SAME_PICTURE_DISTANCE - 0.02, False), (SAME_PICTURE_DISTANCE + 0.02, True)],
)
def test_the_same_picture_is_taken_once(collect, distance, taken):
    random = np.random.default_rng(3)
    one = vector(random)
    other = vector(random, one, distance)
    assert collect(one, other) == [True, taken]
    assert collect(other, known=[one]) == [taken]


def test_of_a_network_that_nobody_measured_only_equal_embeddings_are_one_picture(collect):
    """Trained on its owner, it puts all photos in one place, and strangers anywhere."""
    random = np.random.default_rng(4)
    one, far = vector(random), vector(random)
    near = vector(random, one, SAME_PICTURE_DISTANCE / 3)
    assert collect(one, near, one, far, measured=False) == [True, True, False, True]


def test_the_limits_stand_in_order():
    assert 0 < SAME_PICTURE_DISTANCE < SAME_PERSON_DISTANCE < 2


def test_a_vector_of_another_network_is_refused(pipeline):
    collector = PhotoCollector(pipeline, judge_quality=True, known=np.empty((0, 128), np.float32))
    report = collector.add(Embedding(np.eye(128, dtype=np.float32)[0], "0" * 64))
    assert not report.taken
    assert "another network" in report.note
