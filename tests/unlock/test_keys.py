"""A key on the terminal leads to the password at once, while a face is looked for."""

import signal

import pytest

from tests.unlock.stack import LINES, PASSWORD, UID, USER, Terminal

pytestmark = pytest.mark.data

HINT = "onlyme: look at the camera; any key: password"
LONG_SECONDS = 30.0


@pytest.fixture
def locked(stack):
    """The locker of a console, which would wait for long."""
    stack.service("vlock", LINES, seconds=LONG_SECONDS)
    with stack.daemon() as daemon:
        stack.process = daemon
        yield stack


def lock(stack, service="vlock"):
    given = ("pamtester", "-I", "tty=TTY", service, USER, "authenticate")
    return Terminal(stack, *given, uid=UID)


def test_a_key_leads_to_the_password(locked):
    locked.process.send_signal(signal.SIGSTOP)  # so that it looks until the deadline
    terminal = lock(locked)
    terminal.read_until(HINT)
    terminal.type("x")
    terminal.read_until("onlyme: A key was pressed; use the password")
    terminal.read_until("Password")
    terminal.type(f"{PASSWORD}\n")
    assert terminal.end(), terminal.seen


def test_a_password_that_is_typed_early_is_not_shown(locked):
    locked.process.send_signal(signal.SIGSTOP)
    terminal = lock(locked)
    terminal.read_until(HINT)
    terminal.type(PASSWORD)
    terminal.read_until("Password")
    terminal.type(f"{PASSWORD}\n")
    assert terminal.end(), terminal.seen
    assert PASSWORD not in terminal.seen
    assert PASSWORD[1:] not in terminal.seen


def test_without_a_key_the_face_opens(locked):
    terminal = lock(locked)
    assert terminal.end(), terminal.seen
    assert "Password" not in terminal.seen


def test_without_a_terminal_the_deadline_ends_it(locked):
    words = ("pamtester", "vlock", USER, "authenticate")
    assert locked.run(*words, uid=UID).returncode == 0


def test_the_terminal_of_a_screen_is_not_touched(locked):
    """A display manager's console belongs to the screen's program."""
    locked.service("swaylock", LINES, seconds=LONG_SECONDS)
    terminal = lock(locked, "swaylock")
    assert terminal.end(), terminal.seen
    assert "any key" not in terminal.seen
