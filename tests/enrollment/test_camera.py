"""Frames of a camera or video for one enrollment: some time apart, and not more than are wanted."""

import threading
from itertools import pairwise

import cv2
import numpy as np
import pytest

from onlyme.enrollment.camera import (
    FRAME_INTERVAL_SECONDS,
    MAX_CAMERA_PHOTOS,
    MAX_CAMERA_SECONDS,
    EnrollmentCamera,
)
from onlyme.errors import CameraError
from onlyme.types import PhotoReport

FRAMES_PER_SECOND = 10
TAKEN, REFUSED = PhotoReport("frame", taken=True), PhotoReport("frame", taken=False)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A video of 25 seconds, longer than an enrollment lasts."""
    path = tmp_path_factory.mktemp("video") / "grey.avi"
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, FRAMES_PER_SECOND, (64, 48))
    for number in range(25 * FRAMES_PER_SECOND):
        writer.write(np.full((48, 64, 3), 60 + number % 120, np.uint8))
    writer.release()
    return path


def captures():
    return [thread for thread in threading.enumerate() if thread.name == "onlyme-capture"]


def test_frames_are_some_time_apart_and_end_after_a_while(video):
    times = [frame.at for frame in EnrollmentCamera(video).frames()]
    assert min(b - a for a, b in pairwise(times)) >= FRAME_INTERVAL_SECONDS - 1e-6
    assert MAX_CAMERA_SECONDS - 1 < times[-1] - times[0] <= MAX_CAMERA_SECONDS
    assert not captures()


def test_it_ends_when_enough_photos_are_taken(video):
    camera, count = EnrollmentCamera(video), 0
    for _ in camera.frames():
        camera.add_report(TAKEN)
        count += 1
    assert count == MAX_CAMERA_PHOTOS
    assert not captures()


def test_refused_frames_do_not_count(video):
    camera, reports = EnrollmentCamera(video), []
    for number, _ in enumerate(camera.frames()):
        reports.append(TAKEN if number % 2 else REFUSED)
        camera.add_report(reports[-1])
    assert sum(report.taken for report in reports) == MAX_CAMERA_PHOTOS
    assert len(reports) == 2 * MAX_CAMERA_PHOTOS


def test_a_caller_that_stops_early_releases_the_camera(video):
    frames = EnrollmentCamera(video).frames()
    next(frames)
    frames.close()
    assert not captures()


def test_a_camera_that_is_absent_is_named(tmp_path):
    with pytest.raises(CameraError, match="none"):
        next(EnrollmentCamera(tmp_path / "none.avi").frames())
