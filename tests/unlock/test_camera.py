"""Check which cameras a login trusts."""

import sys
from dataclasses import replace
from itertools import islice

import cv2
import pytest

from onlyme.errors import CameraError, SettingsError
from onlyme.image import capture as capture_room
from onlyme.image.sources import read_frames
from onlyme.settings import Settings
from onlyme.unlock.daemon.recognizer import Recognizer
from tests.unlock.conftest import clip, film
from tests.unlock.stack import OTHER, USER

TRIES = 4
RETRY = (sys.executable, "-m", "onlyme", "unlock", "retry", "--user", USER)


def test_a_login_refuses_a_camera_that_the_system_does_not_list(tmp_path, monkeypatch):
    """A device that the kernel does not list could be fed by a program."""
    unknown = tmp_path / "video0"
    unknown.write_bytes(b"a device")
    monkeypatch.setattr(capture_room, "check_source", lambda *_: True)
    with pytest.raises(CameraError, match="does not say what kind of camera"):
        Recognizer(Settings.load(camera=str(unknown))).check_camera()
    Recognizer(Settings.load(camera=str(unknown), unlock_virtual_camera="allow")).check_camera()
    with pytest.raises(SettingsError, match="refuse, allow"):
        Settings.load(unlock_virtual_camera="yes")


def test_a_missing_camera_is_noticed_before_it_is_opened():
    with pytest.raises(CameraError, match="there is no such camera"):
        Recognizer(Settings.load(camera="97")).check_camera()


@pytest.fixture(scope="module")
def pair(tmp_path_factory, data):
    """Two synchronised videos of the first user: in colour, and as an infrared camera sees it."""
    folder = tmp_path_factory.mktemp("pair")
    frames = list(islice(read_frames(clip(data, USER)), 90))
    return film(frames, folder / "colour.avi"), film(map(to_grey, frames), folder / "grey.avi")


def to_grey(frame):
    grey = cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2GRAY)
    return replace(frame, pixels=cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))


@pytest.mark.data
def test_a_login_takes_two_cameras_that_show_one_head(stack, pair):
    colour, grey = pair
    for first, second in (pair, (grey, colour)):
        stack.configure(camera=first, camera_second=second)
        with stack.daemon():
            # A computer that is busy may open the second one late, and then they are not in step.
            assert any(stack.login().opened for _ in range(TRIES)), stack.log()
            assert stack.run(*RETRY).returncode == 0  # for the gate


@pytest.mark.data
def test_a_login_refuses_two_cameras_that_do_not(stack, pair, data):
    colour, grey = pair
    for first, second in ((colour, clip(data, OTHER)), (clip(data, OTHER), colour), (grey, grey)):
        stack.configure(camera=first, camera_second=second)
        with stack.daemon():
            refused = stack.login()
            assert not refused.opened
            assert refused.asked
    stack.configure(camera=colour, camera_second="/missing.avi")
    with stack.daemon():
        assert "is not there" in stack.login().words
    stack.configure(camera=colour)
    with stack.daemon():
        assert stack.login().opened
