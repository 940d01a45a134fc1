"""One camera has many names; the gate counts the camera, not the name."""

import os

import pytest

from onlyme.faceid.decide import open_source
from onlyme.image.cameras import System, label_device
from onlyme.image.capture import CameraCapture


@pytest.fixture
def system(tmp_path):
    dev = tmp_path / "dev"
    (dev / "v4l/by-id").mkdir(parents=True)
    (dev / "video0").touch()
    (dev / "video10").touch()
    (dev / "v4l/by-id/usb-Chicony-index0").symlink_to("../../video0")
    (tmp_path / "link").symlink_to(dev / "video0")
    return System(tmp_path / "sys", dev, lambda _: None)


@pytest.mark.parametrize(
    "name",
    ["dev/video0", "dev/./video0", "dev/v4l/../video0", "dev/v4l/by-id/usb-Chicony-index0", "link"],
)
def test_every_name_of_a_camera_has_one_label(system, tmp_path, name):
    assert label_device(f"{tmp_path}/{name}", system) == "camera 0"
    assert CameraCapture(f"{tmp_path}/{name}", _system=system).label == "camera 0"


def test_other_cameras_have_other_labels(system, tmp_path):
    assert label_device(f"{tmp_path}/dev/video10", system) == "camera 10"
    assert label_device(f"{tmp_path}/dev/videos", system) == f"camera {tmp_path}/dev/videos"
    assert label_device(f"{tmp_path}/video0", system) == f"camera {tmp_path}/video0"


@pytest.mark.parametrize("source", [0, "0", "00", "/dev/video0", "/dev/./video0", "/dev//video0"])
def test_numbers_and_paths_are_the_same_camera(source):
    assert CameraCapture(source).label == "camera 0"


def test_a_video_is_counted_under_one_label(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CameraCapture, "__enter__", lambda self: self)
    for name in ("a.mp4", "./a.mp4", f"{tmp_path}/a.mp4"):
        with open_source(name) as (_frames, _is_camera, label):
            assert label == f"camera {os.path.realpath('a.mp4')}"
