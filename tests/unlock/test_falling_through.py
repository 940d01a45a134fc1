"""Check twelve ways in which no face is recognised, or not in time: each leads to the password.

Each goes through real PAM, ends at most a second after the deadline, and says why in one line.
"""

import os
import shutil
import signal
import threading

import cv2
import numpy as np
import pytest

from onlyme.face.models import SHIPPED, find_model
from onlyme.image.sources import CameraCapture
from onlyme.settings import Settings
from onlyme.unlock.daemon.outcome import UnlockReason
from onlyme.unlock.daemon.recognizer import RecognitionRequest, Recognizer
from tests.unlock.conftest import camera, clip, copy_vault, show
from tests.unlock.stack import (
    HELPER,
    LINES,
    OTHER,
    PASSWORD,
    SECONDS,
    SHORT_SECONDS,
    UID,
    USER,
    Terminal,
)

pytestmark = pytest.mark.data

SPARE_SECONDS = 1.0
START_SECONDS = 5.0  # for programs to start, since this machine may be busy
MEDIUM_SECONDS = 4.0  # enough to open the camera, where an attempt lasts until its deadline


def assert_falls_through(stack, words, seconds=SECONDS, **options):
    """Check that a login reaches the password in time, says why in one line, and then opens."""
    login = stack.login(**options)
    assert not login.opened, login
    assert login.asked, login
    ours = [line for line in login.words.splitlines() if line.startswith("onlyme:")]
    assert len(ours) == 1, login
    assert words in ours[0], login
    assert login.seconds < seconds + SPARE_SECONDS + START_SECONDS, login
    assert stack.login(password=PASSWORD, **options).opened


def test_the_daemon_is_dead(stack):
    assert_falls_through(stack, "is not running: systemctl start onlyme")


def test_the_daemon_died_and_left_its_socket(stack):
    with stack.daemon() as process:
        process.kill()
        process.wait()
    assert stack.socket().exists()
    assert_falls_through(stack, "is not running")


def test_the_daemon_hangs(stack):
    with stack.daemon() as process:
        process.send_signal(signal.SIGSTOP)
        assert_falls_through(stack, "did not answer within 1 s", SHORT_SECONDS, service="lxdm")
        process.send_signal(signal.SIGCONT)


def test_the_camera_is_busy(stack):
    """A device that cannot be opened: OpenCV does not say which program holds it."""
    camera(stack).unlink()
    os.mknod(camera(stack), 0o20660, os.makedev(81, 200))
    with stack.daemon():
        # It would not open a virtual camera either.
        assert_falls_through(stack, "does not say what kind of camera this is")
    stack.configure(camera=camera(stack), unlock_confirm="asks", unlock_virtual_camera="allow")
    with stack.daemon():
        assert_falls_through(stack, "cannot be opened")


def test_the_camera_is_absent(stack):
    camera(stack).unlink()
    with stack.daemon():
        assert_falls_through(stack, "is not there")
    stack.configure(camera=7)
    with stack.daemon():
        assert_falls_through(stack, "there is no such camera")


@pytest.mark.parametrize("model", ["liveness", "embedder", "detector"])
def test_a_model_is_missing(stack, model):
    path = find_model(model, SHIPPED).path
    hidden = stack.folder / "models"
    shutil.copytree(SHIPPED, hidden)
    (hidden / path.name).unlink()
    stack.over[SHIPPED] = hidden
    with stack.daemon():
        assert_falls_through(stack, "a network is missing")


def test_the_lid_is_closed(stack):
    stack.close_lid()
    with stack.daemon():
        assert_falls_through(stack, "the lid is closed")
        stack.close_lid("open")
        assert stack.login().opened
    stack.close_lid()
    stack.configure(camera=camera(stack), unlock_lid="ignore")
    with stack.daemon():
        assert stack.login().opened


def test_the_session_is_remote(stack):
    with stack.daemon():
        assert_falls_through(stack, "a remote session", items=["rhost=elsewhere.example"])
        over_ssh = stack.run(
            *("env", "SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22", "sh", "-c"),
            # The program that asks has a clean environment; the shell that started it does not.
            f"env -i PATH=$PATH pamtester greetd {USER} authenticate; exit $?",
            text_in="wrong\n",
        )
        assert over_ssh.returncode
        assert "a remote session" in over_ssh.stdout
        assert stack.login().opened


def test_the_face_is_locked_out_and_the_password_is_not(stack, data):
    show(stack, clip(data, OTHER))
    with stack.daemon():
        for _ in range(5):
            assert "does not match" in stack.login().words
        show(stack, clip(data, USER))
        locked = stack.login()
        assert not locked.opened
        assert "too many attempts failed" in locked.words
        assert stack.login(OTHER).opened is False  # each user has a separate count
        show(stack, clip(data, OTHER))
        assert stack.login(OTHER).opened
        assert_falls_through(stack, "too many attempts failed")


@pytest.fixture(scope="module")
def empty_room(tmp_path_factory):
    """A video without a person, too long for any attempt to reach its end."""
    path = tmp_path_factory.mktemp("empty") / "empty.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (640, 480))
    for _ in range(1500):
        writer.write(np.full((480, 640, 3), 60, np.uint8))
    writer.release()
    return path


def test_no_face_is_seen_in_time(stack, empty_room):
    stack.configure(camera=empty_room)
    stack.service("xdm", LINES, seconds=MEDIUM_SECONDS)
    with stack.daemon():
        assert_falls_through(stack, "no face was seen", MEDIUM_SECONDS, service="xdm")


def test_the_deadline_is_what_the_pam_file_says(stack, empty_room):
    stack.configure(camera=empty_room)
    stack.service("ly", LINES, seconds=MEDIUM_SECONDS)
    stack.service("slim", LINES, seconds=None)
    stack.service("wdm", LINES, seconds=0.3)
    with stack.daemon():
        slow, default, quick = (stack.login(service=s) for s in ("ly", "slim", "wdm"))
    assert quick.seconds < default.seconds < slow.seconds
    assert 1.3 < default.seconds < SECONDS  # 1.5 s, of which 0.1 s is for the answer
    assert quick.asked
    assert default.asked
    assert slow.asked


def test_no_face_is_enrolled(empty, data):
    show(empty, clip(data, USER))
    empty.configure(camera=camera(empty))
    with empty.daemon():
        assert_falls_through(empty, "no face is enrolled for this user")


@pytest.mark.parametrize("what", ["vault", "key"])
def test_the_vault_cannot_be_read_until_it_is_restored(stack, enrolled, what):
    if what == "vault":
        path, words = (
            stack.folder / "lib/onlyme/vault.sqlite",
            "the vault cannot be read or written",
        )
        path.write_bytes(path.read_bytes()[:5000])
    else:
        path, words = stack.folder / "etc/onlyme/vault.key", "the vault's key cannot be used"
        path.unlink()
    with stack.daemon():
        assert_falls_through(stack, words)
        copy_vault(stack, enrolled)
        assert stack.login().opened


def test_it_is_not_confirmed(stack):
    stack.service("swaylock", LINES)
    stack.configure(camera=camera(stack), unlock_confirm="swaylock", unlock_confirm_seconds=1.0)
    with stack.daemon():
        words = ("pamtester", "-I", "tty=TTY", "swaylock", USER, "authenticate")
        terminal = Terminal(stack, *words, uid=UID)
        terminal.read_until("not confirmed; use the password")
        terminal.read_until("Password")
        terminal.type(f"{PASSWORD}\n")
        assert terminal.end()


@pytest.mark.parametrize("helper", ["/missing/onlyme-pam", f"{HELPER} --nonsense", "/bin/false"])
def test_a_helper_that_does_not_run_leads_to_the_password(stack, helper):
    stack.service("greetd", LINES, helper)
    with stack.daemon():
        assert not stack.login().opened
        assert stack.login(password=PASSWORD).opened


def test_a_camera_that_hangs_is_not_opened_twice(enrolled, tmp_path):
    """The driver never returns: the attempt still ends, and the next one ends at once."""
    video = tmp_path / "camera.mp4"
    video.write_bytes(b"-")
    release = threading.Event()

    def hangs(path, is_camera):
        release.wait(30)
        raise OSError

    def capture(source, **options):
        return CameraCapture(source, **options, _opener=hangs)

    settings = Settings.load(
        vault=enrolled / "lib", key_file=enrolled / "vault.key", camera=str(video)
    )
    eye = Recognizer(settings, capture)
    try:
        assert eye.look(RecognitionRequest.within(USER, 0.3)).reason is UnlockReason.TIMEOUT
        assert eye.look(RecognitionRequest.within(USER, 0.3)).reason is UnlockReason.CAMERA_HANGS
        release.set()
    finally:
        release.set()
        eye.close()
