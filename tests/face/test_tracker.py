"""Test that each person in view keeps one number, and no one gets another person's number."""

import cv2
import numpy as np
import pytest

from onlyme.face.temporal import SEARCH_EVERY_FRAMES
from onlyme.face.tracker import MAX_LOST_SECONDS, MAX_VOTES, FaceContinuity, Tracker
from onlyme.image.decode import decode
from onlyme.types import Face

RATE = 30.0


class Counting:
    """The real embedder, and how often it was asked."""

    def __init__(self, embedder):
        self.model, self.dimension, self.size = embedder.model, embedder.dimension, embedder.size
        self.embedder, self.asked = embedder, 0

    def embed(self, aligned):
        self.asked += 1
        return self.embedder.embed(aligned)


@pytest.fixture
def tracker(pipeline):
    return Tracker(pipeline.detector, Counting(pipeline.embedder))


@pytest.fixture(scope="module")
def people(photos):
    """Three heads of 120×150 pixels."""
    return [
        np.asarray(
            cv2.resize(
                decode(photos / f"{name}.jpg").pixels, (120, 150), interpolation=cv2.INTER_AREA
            )
        )
        for name in ("obama_4", "macron_2", "ardern_2")
    ]


def frame(*placed, seed=0):
    """A frame of 640×480 with heads at (left, top), and a camera's noise."""
    picture = np.full((480, 640, 3), 128, np.float64)
    for head, left, top in placed:
        picture[top : top + head.shape[0], left : left + head.shape[1]] = head
    picture += np.random.default_rng(seed).normal(0, 3, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def shown(tracker, *scenes):
    """Show scenes, one a frame; return the tracks of each as {id: middle of the face}."""
    made = []
    for n, scene in enumerate(scenes):
        tracks = tracker.see(frame(*scene, seed=n), n / RATE)
        made.append({t.id: t.face.box[0] + t.face.box[2] / 2 for t in tracks})
    return made


def test_two_who_walk_keep_their_numbers(tracker, people):
    one, two, _ = people
    made = shown(tracker, *([(one, 20 + 5 * n, 60), (two, 400 - 3 * n, 250)] for n in range(20)))
    assert {tuple(sorted(ids)) for ids in made} == {(1, 2)}
    right, left = sorted((made[-1][id_] - made[0][id_] for id_ in (1, 2)), reverse=True)
    assert right == pytest.approx(95, abs=8)
    assert left == pytest.approx(-57, abs=8)
    # Five embeddings each at once, and then one in five frames.
    assert tracker.embedder.asked <= 2 * (MAX_VOTES + 15 / SEARCH_EVERY_FRAMES + 1)
    assert all(len(track.votes) == MAX_VOTES for track in tracker.tracks)


def test_a_person_who_comes_later_gets_the_next_number(tracker, people):
    one, two, three = people
    scenes = [[(one, 20, 60)]] * 6 + [[(one, 20, 60), (two, 260, 60)]] * 8
    scenes += [[(one, 20, 60), (two, 260, 60), (three, 480, 200)]] * 8
    made = shown(tracker, *scenes)
    assert list(made[5]) == [1]
    assert list(made[6 + SEARCH_EVERY_FRAMES - 1]) == [1, 2]
    assert list(made[-1]) == [1, 2, 3]
    assert [track.since for track in tracker.tracks] == sorted(t.since for t in tracker.tracks)


def test_who_passes_behind_something_comes_back_as_the_same(tracker, people):
    one, two, _ = people
    hidden = [[(two, 400, 250)]] * int(MAX_LOST_SECONDS * RATE * 0.6)
    made = shown(tracker, *[[(one, 60, 60), (two, 400, 250)]] * 6, *hidden,
                 *[[(one, 240, 60), (two, 400, 250)]] * 6)  # fmt: skip
    assert list(made[5]) == list(made[-1]) == [1, 2]
    (stayed,) = made[8]
    assert made[-1][stayed] == pytest.approx(made[5][stayed], abs=8)
    assert made[-1][3 - stayed] == pytest.approx(made[5][3 - stayed] + 180, abs=12)


def test_a_person_who_was_away_for_long_gets_a_new_number(tracker, people):
    one, *_ = people
    made = shown(
        tracker,
        *[[(one, 60, 60)]] * 6,
        *[[]] * int(MAX_LOST_SECONDS * RATE + 3),
        *[[(one, 60, 60)]] * 2,
    )
    assert [list(ids) for ids in (made[5], made[10], made[-1])] == [[1], [], [2]]


@pytest.mark.parametrize("frames", [1, 3, 8, 12])
def test_another_person_in_the_same_place_gets_another_number(tracker, people, frames):
    """The swap may come right after the face was embedded; it is seen when it is again."""
    one, two, _ = people
    made = shown(tracker, *[[(one, 200, 100)]] * frames, *[[(two, 200, 100)]] * SEARCH_EVERY_FRAMES)
    assert list(made[frames - 1]) == [1]
    assert list(made[-1]) == [2]
    (track,) = (t for t in tracker.tracks if t.id == 2)
    (former,) = (t for t in tracker.tracks if t.id == 1)
    assert former.continuity.measure_cosine(track.votes[-1].vector) < 0.35


def test_two_who_pass_each_other_keep_their_numbers(tracker, people):
    """The nearer one hides the other for a moment in the middle."""
    one, two, _ = people
    scenes = [[(one, 20 + 20 * n, 100), (two, 500 - 20 * n, 130)] for n in range(25)]
    made = shown(tracker, *scenes)
    assert set(made[0]) == set(made[-1]) == {1, 2}
    first, last = made[0], made[-1]
    assert (first[1] < first[2]) == (last[1] > last[2])


def test_a_picture_that_stands_still_is_one_vote(tracker, people):
    still = frame((people[0], 200, 100))
    for n in range(3 * SEARCH_EVERY_FRAMES):
        tracker.see(still.copy(), n / RATE)
    (track,) = tracker.tracks
    assert len(track.votes) == 1


def test_an_empty_street(tracker):
    assert shown(tracker, [], [], []) == [{}, {}, {}]


# ------------------------------------------------------------------ one subject


ADA, BOB = np.eye(128, dtype=np.float32)[:2]


def subject(x=100, w=100):
    return Face(np.array([x, 100, w, 1.3 * w], np.float32), np.zeros((5, 2), np.float32), 0.9)


@pytest.mark.parametrize(
    ("seconds", "second", "vector", "same"),
    [
        (0.07, subject(), ADA, True),
        (0.07, subject(x=150), ADA, True),
        (0.07, subject(x=260), ADA, False),  # jumped
        (0.40, subject(x=260), ADA, True),  # had time to get there
        (0.07, subject(w=180), ADA, False),  # grew
        (0.60, subject(), ADA, False),  # was out of sight
        (-0.1, subject(), ADA, False),  # time runs backwards
        (0.07, subject(), BOB, False),  # is somebody else
    ],
)
def test_a_subject_is_one_face_of_one_person(seconds, second, vector, same):
    one = FaceContinuity()
    assert not one.add_face(1.0, subject(), ADA)
    assert one.add_face(1.0 + seconds, second, vector) is same
    # Whoever it is now, the next frame is compared with them.
    assert one.add_face(1.05 + seconds, second, vector)
