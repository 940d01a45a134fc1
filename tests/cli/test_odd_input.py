"""Questions that end without an answer, addresses, and files that are not what they seem."""

import os
import subprocess
import time

import pytest

from tests.cli.conftest import ONLYME


def test_ctrl_d_at_a_question_is_no_rejection(obama, photos, tmp_path):
    """1 would mean that something was rejected, and to `spoof-me` that something opened."""
    done = obama("spoof-me", "obama", "--camera", photos / "obama_1.jpg")  # stdin is empty
    assert done.returncode == 2
    assert "before it was done" in done.stderr
    assert "opened" not in done.stdout + done.stderr


def test_ctrl_d_at_a_password_is_one_sentence(obama, tmp_path):
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*ONLYME, "export", "obama", str(tmp_path / "file")],
        env=obama.environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    os.close(theirs)
    while process.poll() is None:  # what was typed before the question is dropped
        os.write(ours, b"\x04")
        time.sleep(0.1)
    err = process.communicate()[1]
    os.close(ours)
    assert process.returncode == 2
    assert "unexpected" not in err
    assert not (tmp_path / "file").exists()


# ------------------------------------------------------------ addresses and codecs


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "obama", "https://example.org/me.jpg"),
        ("watch", "obama", "rtsp://user:secret@10.0.0.1/stream"),
        ("watch", "obama", "--camera", "http://10.0.0.1:8080/video"),
    ],
)
def test_an_address_is_called_one(obama, words):
    done = obama(*words)
    assert done.returncode == 2
    assert "is an address on a network, and onlyme connects to none" in done.stderr


def test_a_video_without_a_frame_says_what_to_do(obama, tmp_path):
    import cv2
    import numpy as np

    path = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    data = path.read_bytes()
    path.write_bytes(data.replace(b"MJPG", b"XYZ9"))  # a codec that does not exist
    done = obama("watch", "obama", path)
    assert done.returncode == 2
    assert "ffmpeg -i" in done.stderr or "is not a video" in done.stderr


def test_a_byte_order_mark_in_the_settings_is_no_setting(obama, tmp_path):
    config = tmp_path / "config.toml"
    config.write_bytes("\ufefffar = 1e-3\n".encode())
    assert obama("list", ONLYME_CONFIG=config).returncode == 0
