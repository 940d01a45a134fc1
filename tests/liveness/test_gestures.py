"""Test that gestures are recognised at any frame rate, and that other movements are not."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlyme.liveness.gestures import (
    Gesture,
    GestureDetector,
    draw_gesture,
    make_gesture_prompt,
)
from onlyme.types import HeadReading, MeshFace

FACE = np.random.default_rng(0).normal(300, 60, (478, 3)).astype(np.float32)
RATES = (8, 10, 15, 24, 30, 60, 120)


def reading(yaw=0.0, pitch=0.0, size=1.0, closed=0.05, other=None):
    mesh = MeshFace(FACE * np.float32(size), 1.0, yaw, pitch, 0.0)
    other = closed if other is None else other
    return HeadReading(mesh, {"eyeBlinkLeft": closed, "eyeBlinkRight": other})


POSES = {
    Gesture.NOD: {"pitch": -20.0},
    Gesture.LEFT: {"yaw": 30.0},
    Gesture.RIGHT: {"yaw": -30.0},
    Gesture.BLINK: {"closed": 0.7},
    Gesture.CLOSER: {"size": 1.35},
}
REST = {"yaw": 0.0, "pitch": 0.0, "size": 1.0, "closed": 0.05}


def perform(pose, rate=30, *, wait=0.8, out=0.3, hold=1.2, rest=None, after=0.6, noise=0.0):
    """Return the frames of a movement out, held and back, as (time, reading)."""
    rest, rng, frames = REST | (rest or {}), np.random.default_rng(1), []
    edges = np.cumsum([0, wait, out, hold, out, after])
    for at in np.arange(0, edges[-1], 1 / rate):
        share = float(np.interp(at, edges, [0, 0, 1, 1, 0, 0]))
        now = {k: v + share * (pose.get(k, v) - v) for k, v in rest.items()}
        now["yaw"] += rng.normal(0, noise)
        now["pitch"] += rng.normal(0, noise)
        frames.append((float(at), reading(**now)))
    return frames


def watch(frames):
    """Return every gesture that a detector reports, in order, each once."""
    detector, seen = GestureDetector(), []
    for at, head in frames:
        found = detector.add(at, head)
        if found is not None and (not seen or seen[-1] != found.gesture):
            seen.append(found.gesture)
    return seen


# -------------------------------------------------------------------- prompts


def test_each_gesture_has_words_and_an_arrow():
    prompts = {make_gesture_prompt(gesture) for gesture in Gesture}
    assert len(prompts) == len(Gesture)
    assert all(len(arrow) == 1 and words for arrow, words in prompts)


def test_every_gesture_is_drawn_but_the_one_that_a_photo_can_make():
    assert {draw_gesture() for _ in range(400)} == set(Gesture) - {Gesture.CLOSER}


# ---------------------------------------------------------------- recognition


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("gesture", Gesture)
def test_a_gesture_is_recognised_at_any_frame_rate(gesture, rate):
    assert watch(perform(POSES[gesture], rate)) == [gesture]


@pytest.mark.parametrize("gesture", Gesture)
def test_it_takes_as_long_at_any_frame_rate(gesture):
    taken = []
    for rate in RATES:
        detector = GestureDetector()
        found = (detector.add(at, head) for at, head in perform(POSES[gesture], rate))
        taken.append(next(one.at for one in found if one is not None))
    assert max(taken) - min(taken) <= 2 / min(RATES)


@pytest.mark.parametrize("gesture", Gesture)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_missing_frames_and_noise_do_no_harm(gesture, seed):
    rng = np.random.default_rng(seed)
    frames = [
        (at, None if rng.random() < 0.25 else head)
        for at, head in perform(POSES[gesture], 30, noise=0.4)
    ]
    assert watch(frames) == [gesture]


@pytest.mark.parametrize("gesture", Gesture)
@pytest.mark.parametrize(
    "rest",
    [{"yaw": 8.0}, {"yaw": -7.0, "pitch": 12.0}, {"pitch": -10.0}, {"closed": 0.3}, {"size": 0.4}],
)
def test_movements_are_measured_from_the_person_s_own_rest(gesture, rest):
    resting = REST | rest
    pose = POSES[gesture]
    moved = {
        key: value * resting[key] if key == "size" else value + resting[key] * (key != "closed")
        for key, value in pose.items()
    }
    assert watch(perform(moved, rest=rest)) == [gesture]


def test_the_rest_follows_a_slow_drift():
    frames = [(n / 30, reading(yaw=-12 + n / 10)) for n in range(200)]  # 3 degrees a second
    assert watch(frames) == []
    at, yaw = frames[-1][0], frames[-1][1].mesh.yaw
    moved = [
        (at + 1 / 30 + time, reading(yaw=yaw + head.mesh.yaw))
        for time, head in perform({"yaw": 25.0})
    ]
    assert watch(frames + moved) == [Gesture.LEFT]


def test_left_is_the_person_s_own():
    assert watch(perform({"yaw": 30.0})) == [Gesture.LEFT]
    assert watch(perform({"yaw": -30.0})) == [Gesture.RIGHT]


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("pose", "hold"),
    [
        ({"yaw": 15.0}, 2.0),  # a glance
        ({"yaw": 22.0}, 0.3),  # a turn while speaking
        ({"pitch": -7.0}, 2.0),
        ({"pitch": 25.0}, 2.0),  # looking up is none of them
        ({"closed": 0.75}, 0.2),  # a reflex blink, and a long one
        ({"closed": 0.75}, 0.4),
        ({"closed": 0.3}, 2.0),  # looking down
        ({"size": 1.15}, 2.0),
        ({"yaw": 25.0, "pitch": -25.0}, 2.0),  # neither a turn nor a nod
    ],
)
def test_what_people_do_anyway_is_no_gesture(pose, hold, rate):
    assert watch(perform(pose, rate, out=0.15, hold=hold)) == []


def test_one_closed_eye_is_no_blink():
    frames = [(n / 30, reading(closed=0.05, other=0.05 if n < 20 else 0.8)) for n in range(90)]
    assert watch(frames) == []


def test_eyes_that_were_closed_before_make_no_gesture():
    frames = [(n / 30, reading(closed=0.8)) for n in range(150)]
    assert watch(frames) == []


@pytest.mark.parametrize("gesture", Gesture)
def test_what_began_before_the_first_frame_does_not_count(gesture):
    """The prompt is shown at the first frame: who is there already has not answered it."""
    frames = perform(POSES[gesture], wait=0.0, out=0.0, hold=3.0, after=1.5)
    assert watch(frames) == []


def test_moving_away_is_no_gesture():
    assert watch(perform({"size": 0.6}, hold=2.0, after=0.0)[:80]) == []


def test_turning_back_to_the_camera_is_no_turn():
    assert watch(perform({"yaw": -1.0}, rest={"yaw": 19.0}, hold=2.0)) == []


@pytest.mark.parametrize("gesture", Gesture)
def test_a_slow_drift_is_no_gesture(gesture):
    assert watch(perform(POSES[gesture], out=8.0, hold=2.0)) == []


@pytest.mark.parametrize("rate", RATES)
def test_one_faulty_frame_is_no_gesture(rate):
    for pose in POSES.values():
        frames = [(n / rate, reading()) for n in range(2 * rate)]
        frames[rate] = (rate / rate, reading(**pose))
        assert watch(frames) == []


def test_a_pause_without_a_mesh_needs_a_new_rest():
    frames = perform(POSES[Gesture.LEFT])
    moved = [(at, head) for at, head in frames if at < 0.8 or at > 1.4]
    assert watch(moved) == []


def test_time_that_stands_still_or_returns_is_no_time():
    turned = reading(**POSES[Gesture.LEFT])
    still = [(n / 30, reading()) for n in range(20)]
    assert watch(still + [(0.7, turned)] * 50) == []
    assert watch(still + [(0.7 - n / 100, turned) for n in range(50)]) == []


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_are_none_say_nothing(value):
    detector = GestureDetector()
    for at, head in perform(POSES[Gesture.LEFT]):
        detector.add(at, head)
        assert detector.add(at, reading(yaw=value)) is None
        assert detector.add(value, head) is None
