"""Attack: ask from afar, without any sign of it, while the user's face is before the camera."""

import pytest

from tests.unlock.conftest import allow_sudo, camera
from tests.unlock.stack import UID, USER, Terminal

pytestmark = pytest.mark.data

SLICE = f"user.slice/user-{UID}.slice"
MANAGER = f"{SLICE}/user@{UID}.service"
UNPROVEN = "nothing proves that you sit at this computer"


@pytest.fixture
def entered(stack):
    allow_sudo(stack)
    stack.configure(camera=camera(stack), unlock_intent="enter", unlock_confirm_seconds=60)
    with stack.daemon():
        yield stack


def add_remote(stack):
    stack.add_session("7", UID, REMOTE=1, SEAT="", TYPE="tty")


def assert_refused(stack, why):
    terminal = Terminal(stack, "sudo", "id", "-u", uid=UID)
    terminal.read_until("assword for")
    terminal.close()
    assert why in terminal.seen
    assert "Enter allows it" not in terminal.seen


def test_systemd_run_or_tmux_over_ssh(entered):
    """The process belongs to the user's manager; its ancestors show nothing of SSH."""
    add_remote(entered)
    assert_refused(entered, "you have a remote session")
    entered.remove_session("1")
    assert_refused(entered, UNPROVEN)


def test_a_session_that_is_closing_still_counts(entered):
    entered.add_session("7", UID, REMOTE=1, ACTIVE=0, STATE="closing", SEAT="")
    assert_refused(entered, "you have a remote session")


@pytest.mark.parametrize(
    "group",
    [
        "system.slice/cron.service",
        "system.slice/system-container.slice",
        f"{SLICE}/session-7.scope",  # the remote session
        f"{SLICE}/session-9.scope",  # one that logind does not know
        f"{SLICE}/session-2.scope",  # another user's
        "user.slice/user-4243.slice/user@4243.service",
        f"system.slice/{MANAGER}",  # a name that only looks like it
    ],
)
def test_a_process_that_does_not_belong_to_her_session(entered, group):
    entered.add_session("7", UID, REMOTE=1, SEAT="")
    entered.groups[UID] = group
    terminal = Terminal(entered, "sudo", "id", "-u", uid=UID)
    terminal.read_until("assword for")
    terminal.close()
    assert "Enter allows it" not in terminal.seen


def test_cron_beside_her_own_session(entered):
    entered.groups[UID] = "system.slice/cron.service"
    assert_refused(entered, UNPROVEN)


@pytest.mark.parametrize("fields", [{"ACTIVE": 0}, {"SEAT": ""}, {"UID": 4243}, {"REMOTE": ""}])
def test_a_session_that_proves_no_seat(entered, fields):
    entered.add_session("1", UID, **fields)
    assert_refused(entered, UNPROVEN)


def test_without_logind_a_pseudo_terminal_proves_nothing(entered):
    for name in ("1", "2", "greeter1"):
        entered.remove_session(name)
    assert_refused(entered, UNPROVEN)
    assert UNPROVEN in entered.login().words


def test_a_display_manager_that_also_serves_remote_screens(entered):
    entered.remove_session("1")
    entered.add_session("greeter2", 0, CLASS="greeter", REMOTE=1, SEAT="")
    assert UNPROVEN in entered.login().words


# ------------------------------------------------------------------- and what must still work


@pytest.mark.parametrize("group", [MANAGER, f"{SLICE}/session-1.scope"])
def test_her_own_session_at_the_screen_opens(entered, group):
    entered.groups[UID] = group
    assert_opens(entered)
    assert entered.login().opened


def test_where_root_allows_it_she_opens_beside_a_remote_session(stack):
    allow_sudo(stack)
    more = {"unlock_beside_remote": "allow", "unlock_confirm_seconds": 60}
    stack.configure(camera=camera(stack), unlock_intent="enter", **more)
    add_remote(stack)
    with stack.daemon():
        assert_opens(stack)


def test_a_greeter_opens_before_anyone_is_logged_in(entered):
    entered.remove_session("1")
    assert entered.login().opened, USER


def assert_opens(stack):
    terminal = Terminal(stack, "sudo", "id", "-u", uid=UID)
    terminal.read_until("Enter allows it")
    terminal.type("\n")
    assert terminal.end(), terminal.seen
    assert terminal.seen.split()[-1] == "0"
