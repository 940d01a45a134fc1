"""Check what the user must allow on the terminal before the camera looks, with `sudo` itself."""

import pytest

from tests.unlock.conftest import allow_sudo, camera
from tests.unlock.stack import LINES, PASSWORD, UID, USER, WRONG, Terminal

pytestmark = pytest.mark.data

CONFIRM_SECONDS = 4.0


@pytest.fixture
def asking(stack):
    stack.service("swaylock", LINES)
    stack.configure(
        camera=camera(stack), unlock_confirm="swaylock", unlock_confirm_seconds=CONFIRM_SECONDS
    )
    with stack.daemon():
        yield stack


def at_terminal(stack, *words):
    given = ("pamtester", "-I", "tty=TTY", "swaylock", USER, "authenticate", *words)
    return Terminal(stack, *given, uid=UID)


def test_the_command_is_shown_and_enter_lets_the_face_open(asking):
    terminal = at_terminal(asking)
    terminal.read_until("Enter allows it")
    assert f"onlyme: pamtester -I tty={terminal.path} swaylock {USER} authenticate" in terminal.seen
    terminal.type("\n")
    assert terminal.end(), terminal.seen
    assert "Password" not in terminal.seen


def test_any_other_key_leads_to_the_password(asking):
    terminal = at_terminal(asking)
    terminal.read_until("Enter allows it")
    terminal.type("x")
    terminal.read_until("not confirmed")
    terminal.read_until("Password")
    terminal.type(f"{PASSWORD}\n")
    assert terminal.end()


def test_what_was_typed_before_does_not_count(asking):
    terminal = at_terminal(asking)
    terminal.type("\n")
    terminal.read_until("Password")
    terminal.close()
    assert "not confirmed" in terminal.seen


def test_without_a_terminal_it_falls_through(asking):
    words = ("pamtester", "swaylock", USER, "authenticate")
    refused = asking.run(*words, uid=UID, text_in=f"{WRONG}\n")
    assert refused.returncode
    assert "no terminal to confirm on" in refused.stdout
    assert asking.run(*words, uid=UID, text_in=f"{PASSWORD}\n").returncode == 0


def test_sudo_end_to_end(stack):
    allow_sudo(stack)
    stack.configure(camera=camera(stack), unlock_intent="enter", unlock_confirm_seconds=60)
    with stack.daemon():
        terminal = Terminal(stack, "sudo", "id", "-u", uid=UID)
        terminal.read_until("onlyme: sudo id -u")
        terminal.read_until("password")
        terminal.type("\n")
        assert terminal.end(), terminal.seen
        assert terminal.seen.split()[-1] == "0"

        terminal = Terminal(stack, "sudo", "id", "-u", uid=UID)
        terminal.read_until("Enter allows it")
        terminal.type("x")
        terminal.read_until("[sudo] password")
        terminal.type(f"{WRONG}\n")
        terminal.read_until("only one try")  # it asks to confirm only once
        terminal.type(f"{PASSWORD}\n")
        assert terminal.end(), terminal.seen
        assert terminal.seen.split()[-1] == "0"
        assert terminal.seen.count("Enter allows it") == 1
