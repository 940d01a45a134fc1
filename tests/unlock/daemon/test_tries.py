"""Three quick tries, none for one who has just locked the screen, and a line for each attempt."""

import logging
import os

import pytest

from onlyme.unlock.daemon.journal import log_attempt
from onlyme.unlock.daemon.peer import Peer
from onlyme.unlock.daemon.refusals import REMEMBER_SECONDS, SEAT_TRIES, ProgramRun, Refusals
from onlyme.unlock.switch import SWITCH
from tests.unlock.conftest import camera, clip, show
from tests.unlock.daemon.test_asking import put_question
from tests.unlock.stack import OTHER, UID, USER

IN_GROUP = pytest.mark.xdist_group("unlock-tries")


@pytest.mark.parametrize(
    ("service", "tries"), [("swaylock", SEAT_TRIES), ("kde", SEAT_TRIES), ("sudo", 1), ("su", 1)]
)
def test_a_run_has_few_tries_and_then_the_camera_is_off(service, tries):
    now = [0.0]
    refusals, run = Refusals(lambda: now[0]), ProgramRun("ada", service, (7, 70))
    for _ in range(tries):
        assert not refusals.must_refuse(run, confirmed=True)
        refusals.add(run, looked=True)
        now[0] += 1
    assert refusals.must_refuse(run, confirmed=True)
    assert not refusals.must_refuse(run._replace(application=(8, 80)), confirmed=True)
    now[0] += REMEMBER_SECONDS + 1
    assert not refusals.must_refuse(run, confirmed=True)


def test_a_try_without_a_look_is_none():
    refusals, run = Refusals(), ProgramRun("ada", "swaylock", (7, 70))
    for _ in range(10):
        refusals.add(run)
    assert not refusals.must_refuse(run, confirmed=False)


def test_the_age_of_a_program():
    age = Peer(os.getpid(), 0, 0).application().age_seconds
    assert 0 <= age < 86400 * 365


def test_a_line_says_who_where_and_why_and_cannot_be_forged(caplog):
    caplog.set_level(logging.INFO, "onlyme.attempts")
    answer = {"accepted": False, "reason": "no_match", "camera_ms": 20.4, "margin": 0.123}
    log_attempt("ada", "sudo\nuser=root verdict=accepted", answer, 87.6)
    (line,) = caplog.messages
    assert line.startswith("user=ada service=sudo?user?root?verdict?accepted verdict=rejected")
    assert line.endswith("reason=no_match ms=88 camera_ms=20")
    assert "0.123" not in line


@IN_GROUP
@pytest.mark.data
def test_a_try_opens_nothing_and_says_its_times(house):
    status, answer = put_question(house, "test", UID, user=USER)
    assert (status, answer["accepted"], answer["opens"]) == (200, True, False)
    assert answer["frames"] >= 3
    assert answer["frames_per_second"] > 0
    assert {"detect", "embed", "liveness"} <= set(answer["parts_ms"])
    assert f"user={USER} service=unlock-test verdict=accepted reason=match" in house.log()
    assert put_question(house, "test", UID, user=OTHER)[0] == 403


@IN_GROUP
@pytest.mark.data
def test_a_locker_that_has_just_started_is_not_opened(stack, data):
    show(stack, clip(data, USER))
    stack.configure(camera=camera(stack), unlock_confirm="x", unlock_after_lock_seconds=60)
    with stack.daemon():
        for service, opens in (
            *((locker, False) for locker in ("swaylock", "kde", "kde-fingerprint")),
            ("greetd", True),
        ):
            _, answer = put_question(stack, "attempt", UID, user=USER, service=service)
            assert answer["accepted"] is opens, answer
            assert opens or answer["reason"] == "just_locked"


@IN_GROUP
@pytest.mark.data
def test_while_it_is_switched_off_no_face_opens(stack):
    switch = stack.folder / SWITCH.relative_to("/")
    with stack.daemon():
        for content, opens in (("forever\n", False), ("damaged", False), (None, True)):
            if content is None:
                switch.unlink()
            else:
                switch.write_text(content)
            for route in ("attempt", "test"):
                _, answer = put_question(stack, route, UID, user=USER, service="lock")
                assert answer["accepted"] is opens, answer
            assert put_question(stack, "status", UID, user=USER)[1]["ready"] is opens
