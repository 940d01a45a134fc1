"""A stream of sights is cut into attempts, and each attempt is one decision."""

from dataclasses import replace

import numpy as np
import pytest

from onlyme.face.pipeline import Observation
from onlyme.types import Decision, Embedding, Frame, Reason
from onlyme.verification.attempt import ATTEMPT_FRAMES
from onlyme.verification.stream import decide_attempts


class Owner:
    """Accepts when the first number is positive in the median; enough to see what is fused."""

    name = "ada"

    def decide(self, embeddings, *_, **__):
        margin = float(np.median(embeddings[:, 0]))
        reason = Reason.MATCH if margin > 0 else Reason.NO_MATCH
        return Decision(margin > 0, "ada", reason, margin, 0.0)


def sight(value, at=0.0):
    """A frame whose face embeds to (value, …), or that shows no face."""
    frame = Frame(np.zeros((1, 1, 3), np.uint8), "test", at)
    if value is None:
        return Observation(frame, reason=Reason.NO_FACE)
    vector = np.array([value, np.sqrt(1 - value**2)], np.float32)
    return Observation(frame, embedding=Embedding(vector, "m"), timings_ms={"embed": 2.0})


def decisions(values, step=0.1):
    stream = (sight(value, step * k) for k, value in enumerate(values))
    return list(decide_attempts(Owner, stream))


def test_five_embeddings_are_one_attempt():
    made = decisions([0.5] * 11)
    assert [d.frames for d in made] == [ATTEMPT_FRAMES, ATTEMPT_FRAMES, 1]
    assert all(d.accepted for d in made)
    assert made[0].timings_ms["embed"] == 2.0


@pytest.mark.parametrize(
    ("values", "accepted"),
    [
        ([0.9, -0.1, -0.1, -0.1, -0.1], False),  # one lucky frame
        ([-0.9, 0.1, 0.1, 0.1, 0.1], True),  # one blurred frame
        ([0.9, 0.9, -0.1, -0.1, -0.1], False),
    ],
)
def test_no_single_frame_decides(values, accepted):
    (decision,) = decisions(values)
    assert decision.accepted is accepted


def test_nobody_there():
    made = decisions([None] * 12)
    assert [d.reason for d in made] == [Reason.NO_FACE] * 3
    assert [d.frames for d in made] == [5, 5, 2]


def test_a_face_in_half_of_the_frames_is_no_attempt_of_its():
    (decision,) = decisions([0.9, None, 0.9, None])
    assert decision.reason is Reason.NO_FACE
    assert not decision.accepted


def test_three_seconds_end_an_attempt():
    made = decisions([0.5] * 4, step=2.0)
    assert [d.frames for d in made] == [2, 2]


def test_nothing_seen_is_nothing_decided():
    assert decisions([]) == []


# ------------------------------------------------------------ nothing new


def repeated(values, step=0.1):
    """Sights as Pipeline.follow gives them: a value that comes again is the same object."""
    made, last = [], None
    for k, value in enumerate(values):
        seen = sight(value, step * k)
        if last is not None and last.embedding is not None and values[k - 1] == value:
            seen = replace(seen, embedding=last.embedding)
        made.append(seen)
        last = seen
    return made


def test_a_lucky_frame_that_stands_still_is_one_vote():
    stream = repeated([-0.1, -0.2, 0.9, 0.9, 0.9, 0.9, 0.9, -0.3, -0.4])
    (decision,) = decide_attempts(Owner, stream)
    assert decision.frames == 9
    assert not decision.accepted
    # Five different frames of that kind are an attempt, and the owner's.
    (other,) = decide_attempts(Owner, repeated([0.9, 0.8, 0.9, 0.8, 0.9]))
    assert other.accepted


def test_a_picture_that_stands_still_ends_after_three_seconds_as_one_vote():
    made = list(decide_attempts(Owner, repeated([0.5] * 40)))
    assert [d.frames for d in made] == [31, 9]


def test_repeats_still_count_as_frames_in_which_the_face_was_there():
    (decision,) = decide_attempts(Owner, repeated([0.5, 0.5, 0.5, None, None]))
    assert decision.accepted
    (decision,) = decide_attempts(Owner, repeated([0.5, None, None]))
    assert decision.reason is Reason.NO_FACE


# -------------------------------------------------------------- frame rates


@pytest.mark.parametrize("rate", [60, 120, 240])
def test_fast_frames_do_not_shorten_an_attempt(rate):
    """Five frames of a face, or without one, last as long as at 30 a second."""
    for values in (np.linspace(0.3, 0.6, rate), [None] * rate):
        made = list(decide_attempts(Owner, [sight(v, k / rate) for k, v in enumerate(values)]))
        assert made[0].frames >= 4 * rate / 40
        assert len(made) <= 1 + rate / made[0].frames


@pytest.mark.parametrize(("rate", "hold"), [(60, 2), (120, 4), (60, 4), (90, 3)])
def test_repeated_frames_are_one_vote_at_any_rate(rate, hold):
    values = [v for v in (0.5, 0.4, 0.5, 0.4, 0.5, 0.4, 0.5) for _ in range(hold)]
    decision = next(decide_attempts(Owner, repeated(values, 1 / rate)))
    assert decision.frames == 4 * hold + 1
    assert decision.accepted


def test_frames_without_times_count_one_by_one():
    made = list(decide_attempts(Owner, [sight(0.5) for _ in range(10)]))
    assert [d.frames for d in made] == [5, 5]
