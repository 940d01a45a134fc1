"""A real polkit asks through its agents: only the face of the user who asks opens."""

import pytest

from tests.machine.desk import OTHER, OTHER_PASSWORD, USER

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("machine")]

HELPER = "/usr/lib/polkit-1/polkit-agent-helper-1"
NOT_HERS = "a face opens only for the user who asks"
GESTURE = "to allow it with your face"

ASK = {
    "pkexec": "bash -c 'sleep 2; pkexec id; true' & pkttyagent --process $!",
    "systemctl": "systemctl restart cron && echo uid=0",  # starts the same agent
}


@pytest.fixture
def entered(console, desk):
    desk.configure(unlock_intent="enter", unlock_confirm_seconds=60)
    return console


def start(console, command):
    console.clear()
    console.type(f"clear; {command}\n")


def test_she_asks_herself_and_by_default_a_gesture_is_asked_for(console):
    """Without another agent, pkexec is one itself and has the helper's terminal."""
    start(console, "pkexec id")
    said = console.read_until(GESTURE)
    assert NOT_HERS not in said
    console.type("\x03")


@pytest.mark.parametrize("command", ASK.values(), ids=ASK)
def test_where_root_accepts_enter_her_face_opens(entered, command):
    start(entered, command)
    entered.read_until("Enter allows it")
    entered.type("\n")
    assert "uid=0" in entered.read_until("uid=0")


def test_another_user_is_not_opened_by_the_face_of_an_administrator(desk):
    """polkit asks for an administrator's password, whoever started pkexec; ada is one."""
    desk.configure(unlock_intent="enter")
    desk.console.log_in(OTHER, OTHER_PASSWORD)
    try:
        start(desk.console, "pkexec id")
        said = desk.console.read_until("assword:")
        assert f"Authenticating as: {USER}" in said
        assert NOT_HERS in said
        assert "uid=0" not in said
    finally:
        desk.end_sessions()


def test_another_user_cannot_start_the_helper_for_her(desk):
    desk.configure(unlock_intent="enter")
    desk.console.log_in(OTHER, OTHER_PASSWORD)
    try:
        said = desk.console.run(f"echo 1-cookie | {HELPER} {USER} 2>&1").stdout
        assert NOT_HERS in said or "FAILURE" in said
        assert "SUCCESS" not in said
    finally:
        desk.end_sessions()


def test_from_afar_polkit_is_not_opened(entered, desk):
    said = desk.run_from_afar("pkexec id")
    assert "your face cannot open a remote session" in said
    assert "uid=0" not in said
