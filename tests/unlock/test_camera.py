"""Check which cameras a login trusts."""

import pytest

from onlyme.errors import CameraError, SettingsError
from onlyme.image import capture as capture_room
from onlyme.settings import Settings
from onlyme.unlock.daemon.recognizer import Recognizer


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
