"""Faces that are taught as another person's: which are taken, and how the last is undone."""

from dataclasses import replace

import numpy as np
import pytest

from onlyme.enrollment.not_me import add_lesson, collect_lesson, remove_last_lesson
from onlyme.errors import EnrollmentError, UsageError
from onlyme.siamese.distance import SAME_PICTURE_DISTANCE, SHIPPED_LIMITS, UNMEASURED_LIMITS
from onlyme.siamese.examples import Examples
from onlyme.types import Embedding
from tests.enrollment.test_photos import vector


@pytest.fixture
def random():
    return np.random.default_rng(7)


@pytest.fixture
def known(random):
    """Examples of a person with three photos of their own, and one look-alike."""
    empty = Examples.make_empty(128)
    me = np.stack([vector(random) for _ in range(3)])
    return Examples(me, empty.not_me, vector(random)[None], empty.learned, empty.lessons)


@pytest.fixture
def collect(pipeline, known):
    def collect(image, known=known, limits=SHIPPED_LIMITS):
        if isinstance(image, np.ndarray) and image.ndim == 1:
            image = Embedding(image, pipeline.embedder.model)
        return collect_lesson(pipeline, known, image, limits=limits)

    return collect


def test_a_face_that_is_new_is_taken_as_it_is(collect, random):
    face = vector(random)
    collected = collect(face)
    assert (collected.shape, collected.dtype) == ((1, 128), np.float32)
    np.testing.assert_array_equal(collected[0], face)


def test_a_face_in_a_photo_is_embedded(collect, photos, pipeline):
    collected = collect(photos / "biden_1.jpg")
    expected = pipeline.look(photos / "biden_1.jpg").embedding.vector
    np.testing.assert_array_equal(collected[0], expected)


def test_a_photo_without_a_face_is_refused(collect):
    with pytest.raises(EnrollmentError, match="no face found"):
        collect(np.zeros((200, 200, 3), np.uint8))


@pytest.mark.parametrize("kind", ["me", "learned"])
def test_the_persons_own_photo_is_refused(collect, known, random, kind):
    own = vector(random)
    known += replace(Examples.make_empty(128), **{kind: own[None]})
    with pytest.raises(EnrollmentError, match="own photos"):
        collect(vector(random, own, SAME_PICTURE_DISTANCE - 0.02), known)
    assert len(collect(vector(random, own, SAME_PICTURE_DISTANCE + 0.02), known)) == 1


def test_a_face_that_was_taught_before_is_refused(collect, known, random):
    face = vector(random)
    taught, _ = add_lesson(known, face[None])
    with pytest.raises(EnrollmentError, match="enrolled before"):
        collect(face, taught)
    with pytest.raises(EnrollmentError, match="enrolled before"):
        collect(known.look_alikes[0])


def test_near_embeddings_of_another_network_are_different_faces(collect, known, random):
    near = vector(random, known.me[0], SAME_PICTURE_DISTANCE / 2)
    assert len(collect(near, limits=UNMEASURED_LIMITS)) == 1
    with pytest.raises(EnrollmentError, match="own photos"):
        collect(known.me[0], limits=UNMEASURED_LIMITS)


def test_lessons_are_added_in_order_and_undone_from_the_last(known, random):
    first, second = vector(random)[None], vector(random)[None]
    once, face = add_lesson(known, first)
    np.testing.assert_array_equal(face, first)
    twice, _ = add_lesson(once, second)
    np.testing.assert_array_equal(twice.lessons, np.concatenate([first, second]))
    np.testing.assert_array_equal(twice.me, known.me)
    undone, face = remove_last_lesson(twice)
    np.testing.assert_array_equal(face, second)
    np.testing.assert_array_equal(undone.lessons, first)
    undone, face = remove_last_lesson(undone)
    np.testing.assert_array_equal(face, first)
    with pytest.raises(UsageError, match="nothing to undo"):
        remove_last_lesson(undone)
