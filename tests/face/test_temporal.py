"""Test that a face is found again near its last place, and a new face soon after it appears."""

import cv2
import numpy as np
import pytest

from onlyme.face.align import align
from onlyme.face.temporal import MAX_UNCHANGED_LEVELS, SEARCH_EVERY_FRAMES, CachedEmbedder, Follower
from onlyme.image.decode import decode


class Counted:
    """The real detector, and how often each of its ways was gone."""

    def __init__(self, detector):
        self.detector = detector
        self.calls = {"detect": 0, "near": 0, "glance": 0}

    def detect(self, pixels, *, every=False):
        self.calls["detect"] += 1
        return self.detector.detect(pixels, every=every)

    def detect_near(self, pixels, last):
        self.calls["near"] += 1
        return self.detector.detect_near(pixels, last)

    def has_candidate(self, pixels):
        self.calls["glance"] += 1
        return self.detector.has_candidate(pixels)


@pytest.fixture
def counted(pipeline):
    return Counted(pipeline.detector)


@pytest.fixture
def follower(counted):
    return Follower(counted)


@pytest.fixture(scope="module")
def people(photos):
    """Two portraits of 240×300 pixels."""
    return [
        np.asarray(
            cv2.resize(
                decode(photos / f"{name}.jpg").pixels, (240, 300), interpolation=cv2.INTER_AREA
            )
        )
        for name in ("obama_4", "macron_2")
    ]


def frame(*placed, seed=0, noise=3.0):
    """A webcam frame with portraits at (left, top), and a camera's noise."""
    picture = np.full((480, 640, 3), 128, np.float64)
    for portrait, left, top in placed:
        picture[top : top + portrait.shape[0], left : left + portrait.shape[1]] = portrait
    picture += np.random.default_rng(seed).normal(0, noise, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def middle(face):
    return face.box[:2] + face.box[2:] / 2


def test_a_moving_face_is_followed_and_seldom_searched_for(follower, counted, people):
    for n in range(20):
        now = frame((people[0], 100 + 6 * n, 60 + 2 * n), seed=n)
        (found,) = follower.detect(now)
        (expected,) = counted.detector.detect(now)
        assert np.abs(found.landmarks - expected.landmarks).max() < 0.15 * expected.box[2]
    assert counted.calls == {"detect": 4, "near": 16, "glance": 0}


def test_a_tilted_head_is_followed_as_finely(follower, counted, pipeline, people):
    """The crop is turned by the tilt that the head had."""
    upright = frame((people[0], 200, 90))
    reference = pipeline.look(upright).embedding.vector
    followed, searched = [], []
    for n in range(3 * SEARCH_EVERY_FRAMES):
        turn = cv2.getRotationMatrix2D((320, 240), 20 + 2 * n, 1.0)
        now = np.asarray(cv2.warpAffine(upright, turn, (640, 480)))
        for faces, cosines in (
            (follower.detect(now), followed),
            (counted.detector.detect(now), searched),
        ):
            cosines.append(pipeline.embedder.embed(align(now, faces[0])).vector @ reference)
    assert counted.calls["detect"] == 3
    assert np.mean(followed) > np.mean(searched) - 0.03


def test_a_face_that_jumps_or_leaves_is_searched_for_at_once(follower, counted, people):
    assert follower.detect(frame((people[0], 0, 60)))
    (face,) = follower.detect(frame((people[0], 390, 120), seed=1))
    assert middle(face)[0] > 400
    assert follower.detect(frame(seed=2)) == []
    assert counted.calls["detect"] == 3


@pytest.mark.parametrize("frames", range(1, SEARCH_EVERY_FRAMES + 1))
def test_a_second_face_is_seen_after_four_frames_at_most(follower, people, frames):
    """Decision 2 holds: two people are `many_faces`, whenever the second one came."""
    for n in range(frames):
        assert len(follower.detect(frame((people[0], 30, 60), seed=n))) == 1
    both = ((people[0], 30, 60), (people[1], 370, 60))
    unseen = 0
    while len(follower.detect(frame(*both, seed=90 + unseen))) == 1:
        unseen += 1
    assert unseen == SEARCH_EVERY_FRAMES - frames if frames < SEARCH_EVERY_FRAMES else unseen == 0
    # From then on both are followed.
    for n in range(2 * SEARCH_EVERY_FRAMES):
        assert len(follower.detect(frame(*both, seed=n))) == 2


def test_someone_beside_the_face_is_seen_at_once(follower, counted, people):
    """What the crop around a face shows is seen in each frame."""
    small = cv2.resize(people[1], (120, 150), interpolation=cv2.INTER_AREA)
    assert len(follower.detect(frame((people[0], 200, 60)))) == 1
    assert len(follower.detect(frame((people[0], 200, 60), (small, 385, 120), seed=1))) == 2
    assert counted.calls["detect"] == 1


def test_a_person_who_enters_an_empty_frame_is_found_at_once(follower, counted, people):
    for n in range(SEARCH_EVERY_FRAMES + 1):
        assert follower.detect(frame(seed=n)) == []
    assert counted.calls["detect"] == 2
    assert len(follower.detect(frame((people[0], 300, 100), seed=9))) == 1


def test_a_lost_orientation_is_seen_after_four_frames_at_most(follower, people):
    lying = np.ascontiguousarray(cv2.rotate(frame((people[0], 200, 90)), cv2.ROTATE_180))
    assert follower.detect(frame()) == []
    assert any(follower.detect(lying) for _ in range(SEARCH_EVERY_FRAMES))


def test_many_faces_are_searched_whole_each_time(follower, counted, people):
    small = [cv2.resize(p, (120, 150), interpolation=cv2.INTER_AREA) for p in people]
    crowd = [(small[n % 2], 20 + 155 * n, 40 + 60 * n) for n in range(4)]
    for n in range(3):
        assert len(follower.detect(frame(*crowd, seed=n))) == 4
    assert counted.calls["detect"] == 3


# ------------------------------------------------------------ nothing new


def test_a_frame_that_comes_again_costs_no_network(counted, pipeline, people):
    embedded = []
    real = pipeline.embedder.embed
    stream = pipeline.follow()
    stream.embedder._embedder = type(
        "Counting", (), {"embed": staticmethod(lambda a: embedded.append(a) or real(a))}
    )
    follower = Follower(counted)
    again = frame((people[0], 200, 90))
    faces = [follower.detect(again.copy())[0] for _ in range(SEARCH_EVERY_FRAMES)]
    assert counted.calls == {"detect": 1, "near": 0, "glance": 0}
    assert all(face is faces[0] for face in faces)
    vectors = [stream.embedder.embed(align(again, face)) for face in faces]
    assert len(embedded) == 1
    assert all(vector is vectors[0] for vector in vectors)


def test_a_camera_that_writes_over_its_frames(follower, counted, people):
    buffer = frame((people[0], 100, 60))
    places = []
    for n in range(SEARCH_EVERY_FRAMES):
        buffer[:] = frame((people[0], 100 + 8 * n, 60), seed=n)
        places.append(middle(follower.detect(buffer)[0])[0])
    assert counted.calls["near"] == SEARCH_EVERY_FRAMES - 1
    assert places[-1] - places[0] == pytest.approx(8 * (SEARCH_EVERY_FRAMES - 1), abs=6)


def test_a_camera_s_noise_is_something_new(pipeline, people):
    stream = pipeline.follow()
    sights = [stream.look(frame((people[0], 200, 90), seed=n)) for n in range(6)]
    assert len({id(sight.embedding) for sight in sights}) == 6


def test_many_small_changes_are_a_large_one(pipeline, people):
    """A picture that fades into another by steps too small to see is embedded again and again."""
    rememberer = CachedEmbedder(pipeline.embedder)
    one, other = (cv2.resize(p, (112, 112)).astype(float) for p in people)
    vectors = [
        rememberer.embed((one + (other - one) * step / 200).astype(np.uint8)) for step in range(201)
    ]
    apart = np.abs(other - one).mean() / MAX_UNCHANGED_LEVELS
    assert len(set(map(id, vectors))) >= apart / 2
    last = pipeline.embedder.embed(other.astype(np.uint8)).vector
    assert vectors[-1].vector @ last > 0.99


def test_what_was_remembered_is_never_another_face(pipeline, people):
    rememberer = CachedEmbedder(pipeline.embedder)
    crops = [cv2.resize(p, (112, 112)) for p in people]
    for crop in (*crops, *crops):
        expected = pipeline.embedder.embed(crop).vector
        np.testing.assert_allclose(rememberer.embed(crop).vector, expected, atol=1e-6)


def test_each_camera_has_a_memory_of_its_own(pipeline, people):
    first, second = pipeline.follow(), pipeline.follow()
    assert first.look(frame((people[0], 200, 90))).face is not None
    assert second.look(frame(seed=1)).face is None
    assert first.look(frame((people[0], 205, 90), seed=2)).face is not None
