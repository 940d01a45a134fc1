"""Two cameras that are read together must show one head."""

from dataclasses import replace
from itertools import islice

import cv2
import numpy as np
import pytest

from onlyme import FaceID, Reason
from onlyme.errors import CameraError
from onlyme.image.capture import CameraCapture
from onlyme.image.pairing import CameraPair, pair_frames
from onlyme.image.sources import read_frames
from onlyme.liveness.gestures import Gesture
from onlyme.types import Frame


def clip(data, name, start=0, count=20):
    every = read_frames(data / f"clips/{name}.mp4")
    return list(islice((f for n, f in enumerate(every) if n % 2 == 0), start, start + count))


def as_infrared(frame):
    grey = cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2GRAY)
    return replace(frame, pixels=cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), infrared=True)


def put_beside(first, second):
    """The frames of one camera with those of another, each at the same time."""
    return [replace(a, beside=replace(b, at=a.at)) for a, b in zip(first, second, strict=False)]


@pytest.fixture(scope="module")
def colour(data):
    return clip(data, "tranvan_live", 6, 16)


@pytest.fixture(scope="module")
def infrared(colour):
    return [as_infrared(frame) for frame in colour]


@pytest.fixture(scope="module")
def owner(tmp_path_factory, data):
    with FaceID.open(tmp_path_factory.mktemp("pair") / "vault") as face_id:
        face_id.enroll("tran", clip(data, "tranvan_live", 20, 80)[::14])
        yield face_id


def watch(owner, frames, **options):
    return list(owner.watch("tran", frames, **options))


@pytest.mark.data
def test_both_cameras_show_the_owner(owner, colour, infrared):
    seen = watch(owner, put_beside(colour, infrared), attention="eyes")
    assert seen[0].accepted
    assert seen[0].far == owner.owner("tran").far
    assert seen[0].alpha > owner.owner("tran").alpha  # two cameras are two tries


@pytest.mark.data
def test_life_may_come_from_the_second_camera(owner, colour, infrared):
    assert watch(owner, infrared)[0].reason is Reason.LIVENESS_UNDECIDED
    assert watch(owner, put_beside(infrared, colour))[0].accepted
    assert watch(owner, put_beside(infrared, infrared))[0].reason is Reason.LIVENESS_UNDECIDED


@pytest.mark.data
@pytest.mark.parametrize("swapped", [False, True])
def test_nothing_opens_unless_both_show_one_head(owner, data, colour, swapped):
    other = clip(data, "lestari_live", 0, 16)
    turned = clip(data, "tranvan_live", 50, 16)  # the same person, at another time
    black = [replace(f, pixels=np.zeros_like(f.pixels)) for f in colour]
    for second in (other, turned, black):
        pair = (second, colour) if swapped else (colour, second)
        assert not any(d.accepted for d in watch(owner, put_beside(*pair), liveness="off"))


@pytest.mark.data
def test_a_second_camera_that_stops_stops_everything(owner, colour, infrared):
    frames = put_beside(colour[:2], infrared) + colour[2:]
    assert not any(d.accepted for d in watch(owner, frames))


@pytest.mark.data
@pytest.mark.parametrize("swapped", [False, True])
def test_what_one_camera_takes_for_a_screen_is_one(owner, data, colour, swapped):
    replay = clip(data, "tranvan_replay", 0, 16)
    for pair in ((replay, replay), (replay, [as_infrared(f) for f in replay])):
        pair = pair[::-1] if swapped else pair
        assert not any(d.accepted for d in watch(owner, put_beside(*pair)))


@pytest.mark.data
def test_a_gesture_is_seen_by_the_first_camera(owner, data):
    frames = clip(data, "tranvan_live", 6, 60)
    pairs = put_beside([as_infrared(f) for f in frames], frames)
    assert watch(owner, pairs, gesture=Gesture.LEFT)[0].accepted
    assert watch(owner, pairs, gesture=Gesture.RIGHT)[0].reason is Reason.NO_GESTURE


def frames_at(*times):
    return [Frame(np.full((4, 4, 3), 9, np.uint8), "test", at) for at in times]


def test_frames_are_paired_by_their_times():
    slow = frames_at(0.0, 0.2, 0.4)
    fast = frames_at(*np.arange(0, 0.5, 1 / 30))
    for one in pair_frames(slow, fast):
        assert abs(one.beside.at - one.at) <= 1 / 60 + 1e-9
    assert [one.beside.at for one in pair_frames(frames_at(0.5), frames_at(0.1), 0.4)] == [0.1]
    (alone,) = pair_frames(frames_at(5.0), frames_at(0.0, 0.1))
    assert alone.beside.pixels.size == 3


@pytest.mark.data
def test_two_videos_are_read_as_a_pair(data):
    path = data / "clips/lestari_live.mp4"
    with CameraPair(CameraCapture(path), CameraCapture(path)) as pair:
        seen = list(islice(pair, 5))
        assert not pair.is_released
    assert pair.is_released
    for frame in seen:
        np.testing.assert_array_equal(frame.pixels, frame.beside.pixels)


def test_a_pair_without_its_second_camera_does_not_open(tmp_path, data):
    first = CameraCapture(data / "clips/lestari_live.mp4")
    with pytest.raises(CameraError), CameraPair(first, CameraCapture(tmp_path / "no.mp4")):
        pass
    assert first.is_released
