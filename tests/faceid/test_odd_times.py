"""Cameras and clocks that misbehave while an attempt runs: nothing opens by it, nothing is lost."""

import time
from itertools import pairwise

import cv2
import numpy as np
import pytest

from onlyme import Frame
from onlyme.testing import draw_face, open_face_id

FRAMES = 90


@pytest.fixture
def face_id(tmp_path):
    with open_face_id(tmp_path / "vault") as opened:
        opened.enroll("ada", [draw_face("ada", photo) for photo in range(3)])
        yield opened


def film(who, times, sizes=(320,)):
    """Frames of one person, at these times and in these sizes."""
    for number, at in enumerate(times):
        side = sizes[number % len(sizes)]
        pixels = cv2.resize(draw_face(who, number), (side, side), interpolation=cv2.INTER_AREA)
        yield Frame(pixels, "camera 0", float(at))


def decide(face_id, frames):
    return [bool(one) for one in face_id.watch("ada", frames, liveness="off", gate=False)]


EVEN = np.arange(FRAMES) / 15
TIMES = {
    "a camera that counts from 1970": 1.8e9 + EVEN,
    "all at the same time": np.zeros(FRAMES),
    "backwards": EVEN[::-1],
    "in pairs": EVEN // 0.2 * 0.2,
    "a jump of an hour ahead": EVEN + 3600 * (np.arange(FRAMES) > 20),
    "a jump of an hour back": EVEN + 3600 * (np.arange(FRAMES) < 20),
    "before the beginning": EVEN - 5,
    "microseconds": EVEN / 1e6,
}


@pytest.mark.parametrize("what", TIMES)
def test_odd_times_of_frames_let_no_stranger_in(face_id, what):
    assert not any(decide(face_id, film("bob", TIMES[what])))
    assert all(decide(face_id, film("ada", TIMES[what])))


@pytest.mark.parametrize("sizes", [(320, 640), (640, 320, 480), (320, 321, 322)])
def test_a_camera_that_changes_its_size_in_the_middle(face_id, sizes):
    """Virtual cameras do, when their window is resized."""
    assert any(decide(face_id, film("ada", EVEN, sizes)))
    assert not any(decide(face_id, film("bob", EVEN, sizes)))


def test_a_stranger_after_the_owner_is_judged_alone(face_id):
    """Another face in the place of the first begins anew, also where times are odd."""
    for times in (EVEN, np.zeros(FRAMES), EVEN[::-1]):
        first, then = list(film("ada", times))[:20], list(film("bob", times))[20:]
        assert not decide(face_id, [*first, *then])[-1]


# ------------------------------------------------------------------------- the clock


def attempt_while(face_id, change):
    """One gated attempt; something happens to the clock in its middle."""

    def frames():
        for number, frame in enumerate(film("bob", EVEN[:40])):
            if number == 10:
                change()
            yield frame

    return [one.reason.value for one in face_id.watch("ada", frames(), gate=True, source="door")]


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system cannot change its zone")
def test_the_zone_changes_during_an_attempt(face_id, monkeypatch):
    """A laptop that travels, and the two nights a year on which an hour comes twice or not."""
    expected = attempt_while(face_id, lambda: None)

    def travel(zone):
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    try:
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin", "No/Where", ""):
            face_id.admin.gate.reset("ada")
            assert attempt_while(face_id, lambda zone=zone: travel(zone)) == expected
    finally:
        monkeypatch.undo()
        time.tzset()
    entries = list(face_id.admin.gate.audit.entries())
    assert face_id.admin.gate.audit.verify()
    assert all(earlier.at <= later.at for earlier, later in pairwise(entries))


@pytest.mark.parametrize("years", [-50, -1, 1, 10])
def test_the_clock_is_set_during_an_attempt(face_id, monkeypatch, years):
    """It must neither give tries back nor lock for ever."""
    real = time.time

    def set_clock():
        monkeypatch.setattr(time, "time", lambda: real() + years * 365 * 86400)

    reasons = []
    for _ in range(8):
        reasons += attempt_while(face_id, set_clock)
    assert "match" not in reasons
    assert reasons[-1] == "locked_out"
    monkeypatch.undo()
    face_id.admin.gate.reset("ada")
    assert "locked_out" not in attempt_while(face_id, lambda: None)
