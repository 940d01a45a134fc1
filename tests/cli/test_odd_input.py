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


BAD_SETTINGS = {
    "UTF-16": ("far = 0.1\n".encode("utf-16"), "is not text in UTF-8 (line 1); save it as UTF-8"),
    "Latin-1": ("far = 0.1\n# é\n".encode("latin-1"), "is not text in UTF-8 (line 2)"),
    "twice": (b"far = 0.1\nfar = 0.2\n", "line 2"),
    "too large": (b"#" * 2**21, "has more than 1 MB"),
}


@pytest.mark.parametrize("what", BAD_SETTINGS)
def test_settings_that_cannot_be_read_say_which_file_and_why(obama, tmp_path, what):
    content, says = BAD_SETTINGS[what]
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    done = obama("list", ONLYME_CONFIG=str(path))
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert "config.toml" in done.stderr


@pytest.mark.parametrize(("path", "says"), [("/dev/zero", "is a device"), ("/", "is a folder")])
def test_settings_in_what_is_no_file_do_not_hang(obama, path, says):
    done = obama("list", ONLYME_CONFIG=path)
    assert done.returncode == 2
    assert says in done.stderr


def test_settings_of_windows_are_read(obama, tmp_path):
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbffar = 0.1\r\n# own\r\n")
    assert obama("list", ONLYME_CONFIG=str(tmp_path / "config.toml")).returncode == 0
    assert obama("list", ONLYME_CONFIG="/dev/null").returncode == 0  # none at all
