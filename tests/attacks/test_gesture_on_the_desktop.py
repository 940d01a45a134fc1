"""Attack: a program without a terminal opens polkit with the face of the user at the camera.

Her desktop shows the gesture; here it is a real session bus with a notification server.
"""

import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from onlyme.liveness.gestures import Gesture, make_gesture_prompt
from tests.attacks.test_enter_is_no_intent import run_setuid
from tests.attacks.test_gesture_is_intent import read_tries
from tests.unlock.client import notification_server
from tests.unlock.conftest import allow_sudo, camera, run_drawing, show
from tests.unlock.stack import LINES, UID, USER, Terminal

pytestmark = pytest.mark.data

NOD = Gesture.NOD
ARROW, WORDS = make_gesture_prompt(NOD)
SERVER = Path(notification_server.__file__)


@pytest.fixture
def desk(stack, films):
    """She sits at the camera and moves, without a gesture; polkit has no terminal."""
    allow_sudo(stack)
    stack.service("polkit-1", LINES)
    show(stack, films[None])
    stack.configure(camera=camera(stack), unlock_gesture_seconds=50)
    with stack.daemon(command=run_drawing(stack, NOD)):
        yield stack


@contextlib.contextmanager
def run_bus(stack, how="well"):
    """Run her session bus; yield its notification server."""
    folder = stack.folder / f"run/user/{UID}"
    folder.mkdir(parents=True)
    os.chown(folder, UID, UID)
    folder.chmod(0o700)
    address = f"unix:path=/run/user/{UID}/bus"
    bus = ("dbus-daemon", "--session", "--nofork", f"--address={address}", "--print-address")
    started = []
    try:
        started.append(stack.start(*bus, uid=UID, stdout=-1, text=True))
        assert started[0].stdout.readline().startswith(address)
        server = (sys.executable, SERVER, how)
        environment = {"DBUS_SESSION_BUS_ADDRESS": address}
        options = {"stdout": -1, "text": True, "environment": environment}
        started.append(stack.start(*server, uid=UID, **options))
        assert started[1].stdout.readline() == "ready\n"
        yield started[1]
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def read_call(server):
    """Return the next call: its name, and title and body of a notification."""
    name, body = json.loads(server.stdout.readline())
    return (name, *body[3:5]) if name == "Notify" else (name,)


def polkit(stack):
    """Ask as polkit's helper does: root's rights, her process above it, and no terminal."""
    return run_setuid(stack, "pamtester", "-I", f"ruser={USER}", "polkit-1", USER, "authenticate")


def test_what_she_does_by_chance_does_not_open_polkit(desk):
    with run_bus(desk):
        done = polkit(desk)
    assert done.returncode
    assert "the gesture that was asked for was not seen" in done.stdout
    assert read_tries(desk) == 1


@pytest.mark.parametrize("how", ["never", "junk", "refusal", "nothing"])
def test_a_desktop_that_refuses_sees_no_gesture(desk, films, how):
    """A program of hers may be the notification server. It cannot have others drawn."""
    show(desk, films[NOD])
    with run_bus(desk, how) as server:
        done = polkit(desk)
        assert WORDS not in read_call(server)[1]
    assert done.returncode
    assert "neither a terminal nor a notification" in done.stdout
    assert read_tries(desk) == 2


# ------------------------------------------------------------------- and what must still work


def test_her_polkit_opens_by_the_gesture_that_her_desktop_shows(desk, films):
    show(desk, films[NOD])
    with run_bus(desk) as server:
        done = polkit(desk)
        assert done.returncode == 0, done.stdout
        assert "wait for the movement" in read_call(server)[1]
        _, title, body = read_call(server)
        assert title == f"polkit-1 asks for your face: {ARROW} {WORDS}"
        assert "only if you have just asked for this" in body
        assert read_call(server) == ("CloseNotification",)
    assert read_tries(desk) == 2


def test_her_desktop_shows_the_gesture_beside_her_terminal(desk, films):
    show(desk, films[NOD])
    with run_bus(desk) as server:
        terminal = Terminal(desk, "sudo", "id", "-u", uid=UID)
        terminal.read_until(WORDS)
        assert terminal.end(), terminal.seen
        assert terminal.seen.split()[-1] == "0"
        _, title, body = read_call(server)
        assert (title, body) == (f"sudo asks for your face: {ARROW} {WORDS}", "sudo id -u")
