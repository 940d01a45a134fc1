"""`unlock preview` shows what a camera sees: here a video takes the camera's place."""

import os
import pty
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from onlyme.cli.unlock.preview import preview
from onlyme.image import capture


@pytest.fixture(scope="module")
def video(photos, tmp_path_factory):
    """Two seconds of a photo, then one second of darkness."""
    path = tmp_path_factory.mktemp("preview") / "camera.avi"
    picture = cv2.resize(cv2.imread(str(photos / "obama_1.jpg")), (320, 320))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 320))
    for number in range(31):
        writer.write(picture if number < 20 else picture // 50)
    writer.release()
    return path


def test_a_line_a_second_in_a_pipe(onlyme, video):
    done = onlyme("unlock", "preview", "--camera", video)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert 3 <= len(lines) <= 4
    assert lines[0].startswith("320×320, brightness ")
    assert lines[0].endswith("one face")
    assert "dark: switch on a light" in lines[-1]
    assert lines[-1].endswith("no face")


def test_it_ends_after_a_time(onlyme, video):
    done = onlyme("unlock", "preview", "--camera", video, "--seconds", "0.9")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1


def test_a_picture_on_a_terminal(onlyme, video):
    theirs, ours = pty.openpty()
    environment = onlyme.environment(
        COLORTERM="truecolor", TERM="xterm-256color", COLUMNS="80", LINES="24"
    )
    command = [sys.executable, "-m", "onlyme", "unlock", "preview", "--camera", str(video)]
    process = subprocess.Popen(command, stdout=ours, stderr=ours, env=environment)
    os.close(ours)
    shown = b""
    while True:
        try:
            more = os.read(theirs, 65536)
        except OSError:  # how a terminal ends on Linux
            break
        if not more:
            break
        shown += more
    os.close(theirs)
    assert process.wait() == 0, shown[-2000:]
    assert "▀" in shown.decode(errors="replace")
    assert b"one face" in shown


def test_without_a_camera_it_says_so(onlyme, tmp_path):
    done = onlyme("unlock", "preview", "--camera", tmp_path / "none.avi")
    assert done.returncode == 2
    assert "none.avi" in done.stderr


class CoveredCamera:
    """What a driver gives while the lens is covered."""

    def isOpened(self):  # noqa: N802 - OpenCV's name
        return True

    def get(self, _):
        return 100.0

    def read(self):
        time.sleep(0.01)
        return True, np.zeros((100, 100, 3), np.uint8)

    def release(self):
        pass


def test_a_covered_camera_is_shown_as_dark(monkeypatch, capsys, tmp_path):
    """A login skips the dark pictures of a camera that starts; here they say what is wrong."""
    monkeypatch.setenv("ONLYME_VAULT", str(tmp_path / "vault"))
    monkeypatch.setattr(capture, "check_source", lambda *_: True)
    monkeypatch.setattr(capture, "_open", lambda *_: CoveredCamera())
    preview(camera="0", seconds=0.5)
    assert "dark: switch on a light; no face" in capsys.readouterr().out
