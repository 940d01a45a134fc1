"""Infrared cameras: known by the device, undecided in passive liveness, good for gestures."""

from dataclasses import replace
from itertools import islice

import cv2
import pytest

from onlyme import FaceID, Reason
from onlyme.image.sources import read_frames
from onlyme.liveness.gestures import Gesture

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def frames(data):
    """A head that turns to its left, in colour, at 15 frames a second."""
    some = (f for n, f in enumerate(read_frames(data / "clips/tranvan_live.mp4")) if n % 2 == 0)
    return list(islice(some, 100))


@pytest.fixture(scope="module")
def owner(tmp_path_factory, frames):
    with FaceID.open(tmp_path_factory.mktemp("infrared") / "vault") as face_id:
        face_id.enroll("tran", [frames[k] for k in (0, 10, 14, 88, 93, 98)])
        yield face_id


def take_colour(frame, *, infrared):
    """The same picture as an infrared camera gives it, or as a grey video shows it."""
    grey = cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2GRAY)
    return replace(frame, pixels=cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), infrared=infrared)


def grey_frames(frames, *, infrared):
    return [take_colour(frame, infrared=infrared) for frame in frames if frame.at >= 0.4]


def test_before_an_infrared_camera_a_gesture_needs_no_colour(owner, frames):
    grey = grey_frames(frames, infrared=True)
    assert next(owner.watch("tran", grey, gesture=Gesture.LEFT, attention="eyes")).accepted
    other = next(owner.watch("tran", grey, gesture=Gesture.RIGHT, attention="eyes"))
    assert other.reason is Reason.NO_GESTURE


def test_a_grey_video_before_a_colour_camera_stays_undecided(owner, frames):
    colour, grey = (grey_frames(frames, infrared=infrared) for infrared in (False, True))
    for some in (colour, [colour[0], *grey[1:]]):  # one frame of a colour camera is enough
        decision = next(owner.watch("tran", some, gesture=Gesture.LEFT))
        assert decision.reason is Reason.LIVENESS_UNDECIDED


def test_an_infrared_challenge_that_is_not_met_stays_undecided(owner, frames):
    grey = grey_frames(frames, infrared=True)
    seen = owner.watch("tran", grey, liveness="challenge", ask=lambda *_: None)
    assert not any(decision.accepted for decision in seen)


def test_a_frozen_infrared_picture_is_an_attack(owner, frames):
    one = grey_frames(frames, infrared=True)[0]
    still = [replace(one, at=n / 15) for n in range(90)]
    decision = next(owner.watch("tran", still, gesture=Gesture.LEFT))
    assert decision.reason is Reason.NOT_LIVE


def test_passive_liveness_stays_undecided_before_an_infrared_camera(owner, frames):
    grey = grey_frames(frames, infrared=True)[:30]
    assert {d.reason for d in owner.watch("tran", grey)} == {Reason.LIVENESS_UNDECIDED}
