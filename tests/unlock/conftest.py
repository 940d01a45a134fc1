"""Provide a private PAM with users whose faces the system vault knows, and videos as its camera."""

import shutil
import sys
from pathlib import Path

import cv2
import pytest

from onlyme import FaceID
from onlyme.faceid import wiring
from onlyme.image.sources import read_frames
from onlyme.liveness.gestures import Gesture
from onlyme.settings import Settings
from tests.unlock import stack as stacks

CLIPS = {stacks.USER: "tranvan", stacks.OTHER: "lestari"}


def clip(data, user, kind="live"):
    """Return the path of a video of a user's face, `live` or as a `replay` on a screen."""
    return data / f"clips/{CLIPS[user]}_{kind}.mp4"


def some_frames(path, start=40, count=5, step=15):
    """Return frames some time apart, as an enrollment takes them."""
    return [frame for n, frame in enumerate(read_frames(path)) if n in range(start, 999, step)][
        :count
    ]


GESTURE_FRAMES = {Gesture.LEFT: 30, Gesture.RIGHT: 190, Gesture.NOD: 320}
"""Where the first user's clip shows a gesture, from rest on, in sixty frames."""

STILL_FRAMES = 400
"""From here on the first user moves without a gesture."""


def film(frames, path):
    """Write a video without loss, so that liveness sees what the camera saw."""
    frames = list(frames)
    height, width = frames[0].pixels.shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 30.0, (width, height))
    for frame in frames:
        writer.write(cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


@pytest.fixture(scope="session")
def films(tmp_path_factory, data):
    """Videos of the first user: one for each gesture, and `None` without one."""
    folder = tmp_path_factory.mktemp("films")
    frames = list(read_frames(clip(data, stacks.USER)))
    starts = {**GESTURE_FRAMES, None: STILL_FRAMES}
    return {g: film(frames[at : at + 60], folder / f"{g}.avi") for g, at in starts.items()}


def run_drawing(stack, gesture):
    """Return the daemon's command that draws one gesture, until `set_gesture` names another."""
    set_gesture(stack, gesture)
    return (sys.executable, Path(__file__).with_name("drawing.py"), named_gesture(stack))


def set_gesture(stack, gesture):
    named_gesture(stack).write_text(gesture)


def named_gesture(stack):
    return stack.folder / "gesture"


@pytest.fixture(scope="session")
def enrolled(tmp_path_factory, data):
    """A system vault with its key, in which two users are enrolled."""
    folder = tmp_path_factory.mktemp("system")
    vault = folder / "lib"
    settings = Settings.load(vault=vault, key_file=folder / "vault.key")
    with FaceID(wiring.assemble(settings)) as face_id:
        for user in CLIPS:
            face_id.enroll(user, some_frames(clip(data, user)))
    return folder


@pytest.fixture
def empty(tmp_path_factory):
    """A private PAM with an empty system vault."""
    stacks.require_usable()
    # Not tmp_path: a socket's path may have 107 bytes, and that folder is named after the test.
    return stacks.Stack(tmp_path_factory.mktemp("pam") / "stack")


@pytest.fixture
def stack(empty, enrolled, data):
    """A private PAM, a system vault with two users, and the first one at the camera."""
    return furnish(empty, enrolled, data)


@pytest.fixture(scope="module")
def house(tmp_path_factory, enrolled, data):
    """The same with the daemon running, for all tests of a module."""
    stacks.require_usable()
    stack = furnish(stacks.Stack(tmp_path_factory.mktemp("house") / "stack"), enrolled, data)
    with stack.daemon() as process:
        stack.process = process
        yield stack


def furnish(stack, enrolled, data):
    copy_vault(stack, enrolled)
    show(stack, clip(data, stacks.USER))
    stack.configure(camera=camera(stack), unlock_confirm="asks")
    return stack


def copy_vault(stack, enrolled):
    """Put the vault of `enrolled` into a stack."""
    shutil.copytree(enrolled / "lib", stack.folder / "lib/onlyme", dirs_exist_ok=True)
    (stack.folder / "lib/onlyme").chmod(0o700)
    shutil.copy2(enrolled / "vault.key", stack.folder / "etc/onlyme/vault.key")


def camera(stack):
    """Return the path of the file that is the camera."""
    return stack.folder / "camera.mp4"


def show(stack, video):
    """Let the camera show a video from now on."""
    shutil.copy2(video, camera(stack).with_suffix(".new"))
    camera(stack).with_suffix(".new").replace(camera(stack))


SUDO = """\
auth     [success=done default=ignore] pam_exec.so quiet seteuid stdout {helper} {options}
account  optional pam_exec.so quiet seteuid stdout {helper}
"""


def allow_sudo(stack):
    """Put our lines into Debian's own service `sudo`, and let the first user use it."""
    service = stack.folder / "etc/pam.d/sudo"
    stack.service("sudo", SUDO + service.read_text())
    rule = stack.folder / "etc/sudoers.d/ada"
    rule.write_text(f"{stacks.USER} ALL=(ALL) ALL\nDefaults timestamp_timeout=0\n")
    rule.chmod(0o440)
