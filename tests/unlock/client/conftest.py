"""What the tests of PAM's helper share."""

import os

import pytest

from onlyme.unlock.client import helper, intent, notification
from onlyme.unlock.client.asker import BY_OWNER
from onlyme.unlock.client.seat import AT_SEAT
from tests.unlock.client.proc import process


@pytest.fixture
def no_timer(monkeypatch):
    """Keep `run` from setting the timer that ends a process: here it would end pytest."""
    monkeypatch.setattr(helper, "_end_after", lambda _: None)


@pytest.fixture
def owner_asks(monkeypatch):
    """Take it that the owner asks; `test_who_asks` and `tests/attacks` check who does."""
    monkeypatch.setattr(helper.Asker, "judge", lambda _: BY_OWNER)
    monkeypatch.setattr(helper.Asker, "face", 4242)
    monkeypatch.setattr(helper, "find_seat", lambda *_: AT_SEAT)


@pytest.fixture
def desktop(monkeypatch):
    """A desktop that takes every notification; `tests/unlock/client/test_notification` has one."""
    shown = []

    class Desktop:
        def show(self, uid, title, body, seconds):
            shown.append((uid, title, body))
            assert 0 <= seconds <= 60
            return True

        def close(self):
            shown.append("closed")

    monkeypatch.setattr(notification, "Notification", Desktop)
    return shown


@pytest.fixture
def terminal(monkeypatch):
    """A terminal for the program that asks; yields its other end."""
    ours, theirs = os.openpty()
    monkeypatch.setattr(intent, "find_terminal", lambda *_: os.ttyname(theirs))
    monkeypatch.setattr(intent, "read_command", lambda _: "sudo id")
    yield ours
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def proc(tmp_path):
    folder = tmp_path / "proc"
    process(folder, 10, 1, "systemd", "PATH=/bin\0")
    process(folder, 20, 10, "bash", "PATH=/bin\0HOME=/\0", "0::/user.slice/session-3.scope\n")
    return folder
