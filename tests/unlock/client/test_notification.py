"""Requests on the desktop: a real session bus of a user shows them, a hostile one does not."""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from onlyme.unlock.client import notification
from onlyme.unlock.client.notification import SHOW_SECONDS, Notification
from tests.processes import drop_coverage
from tests.unlock.stack import wait_until

UID, OTHER_UID = 1, 2  # users that every Linux has
SERVER = Path(__file__).with_name("notification_server.py")
SLACK_SECONDS = 20  # this computer may be busy
READS = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")


@pytest.fixture
def folder():
    """The folder of users' buses, with that of one user."""
    why = "" if os.geteuid() == 0 else "becoming another user needs root"
    why = why or next((f"no {n}" for n in ("dbus-daemon", "busctl") if not shutil.which(n)), "")
    if why and os.environ.get("CI"):
        pytest.fail(why)
    if why:
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="onlyme-bus-") as name:
        Path(name).chmod(0o755)
        (Path(name) / str(UID)).mkdir(mode=0o700)
        os.chown(f"{name}/{UID}", UID, UID)
        yield Path(name)


@pytest.fixture
def patient(monkeypatch):
    """Let a busy computer answer late."""
    monkeypatch.setattr(notification, "SHOW_SECONDS", float(SLACK_SECONDS))


def start(*words, more=(), **variables):
    as_user = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", *more)
    return subprocess.Popen(
        [*as_user, *words], env=drop_coverage() | variables, stdout=subprocess.PIPE, text=True
    )


@contextlib.contextmanager
def run_bus(folder):
    """Run a real session bus of the user."""
    address = f"unix:path={folder}/{UID}/bus"
    words = ("dbus-daemon", "--session", "--nofork", f"--address={address}", "--print-address")
    with start(*words) as daemon:
        try:
            assert daemon.stdout.readline().startswith(address)
            yield address
        finally:
            daemon.kill()


@contextlib.contextmanager
def run_server(folder, how="well"):
    """Run a bus with a notification server; yield what reads the next call that it got."""
    with (
        run_bus(folder) as address,
        start(sys.executable, SERVER, how, more=READS, DBUS_SESSION_BUS_ADDRESS=address) as server,
    ):
        try:
            assert server.stdout.readline() == "ready\n"
            yield lambda: json.loads(server.stdout.readline())
        finally:
            server.kill()


def test_it_is_shown_replaced_and_closed(folder, patient):
    note = Notification(str(folder))
    with run_server(folder) as read_call:
        assert note.show(UID, "sudo apt upgrade", "Nod to allow it.", 8)
        method, (app, old, _, title, body, actions, hints, milliseconds) = read_call()
        assert (method, app, old, title, body) == (
            *("Notify", "onlyme", 0, "sudo apt upgrade"),
            "Nod to allow it.",
        )
        assert (actions, hints["urgency"], milliseconds) == ([], ["y", 2], 8000)
        assert note.show(UID, "sudo", "Turn your head to the left.", 8)
        assert read_call()[1][1] == 1  # in the place of the first
        note.close()
        assert read_call() == ["CloseNotification", [1]]
        note.close()
        assert note.show(UID, "sudo", "Nod.", 8)
        assert read_call()[1][1] == 0  # a new one


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b>apt</b> & <img src='x'/>", "&lt;b&gt;apt&lt;/b&gt; &amp; &lt;img src='x'/&gt;"),
        ("a\nonlyme: Nod\r\n", "a�onlyme: Nod��"),
        ("\x1b[2J\x9b1m\0", "�[2J�1m�"),
        ("\u202egnp.exe", "�gnp.exe"),
        ("--help", "--help"),
        ("\udcff", "�"),
        ("é ✓", "é ✓"),
        ("x" * 90_000, None),
    ],
)
def test_hostile_text_is_plain_text(folder, patient, text, shown):
    with run_server(folder) as read_call:
        assert Notification(str(folder)).show(UID, text, text, 8)
        _, (_, _, _, title, body, *_) = read_call()
    assert len(title) <= 101
    assert len(body) <= 401
    assert shown is None or (title, body) == (shown, shown)


def test_the_child_is_the_user_and_reads_nothing_of_theirs(folder, patient, tmp_path):
    """In place of busctl, a program that says what it is: no group, no descriptor, no variable."""
    script = folder / "program"
    script.write_text(
        "#!/bin/sh\nexec 2>&1\ngrep -E '^(Uid|Gid|Groups|CapEff|CapPrm)' /proc/self/status\n"
        "ls /proc/self/fd\nenv\npwd\n"
    )
    script.chmod(0o755)
    told = []

    class Listening(Notification):
        def _collect(self, seconds=0.0):
            if seconds and self._child:
                told.append(self._child.communicate()[0].decode())

    with run_bus(folder):
        Listening(str(folder), str(script)).show(UID, "a", "b", 1)
    lines = [line.split() for line in told[0].splitlines()]
    assert ["Uid:", *["1"] * 4] in lines
    assert ["Gid:", *["1"] * 4] in lines
    assert ["Groups:"] in lines
    assert ["CapEff:", "0" * 16] in lines
    assert ["CapPrm:", "0" * 16] in lines
    assert [line for line in lines if line[0].isdecimal()] == [["0"], ["1"], ["2"], ["3"]]
    assert {line[0].partition("=")[0] for line in lines if "=" in line[0]} <= {"LC_ALL", "PWD"}
    assert lines[-1] == ["/"]


# ------------------------------------------------------------------------------- attacks


def assert_not_shown(note, uid=UID):
    began = time.monotonic()
    assert not note.show(uid, "sudo", "Nod.", 8)
    note.close()
    assert time.monotonic() - began < 2 * SHOW_SECONDS + SLACK_SECONDS
    assert note._child is None


@pytest.mark.parametrize("how", ["never", "junk", "nothing", "huge", "refusal"])
def test_a_server_that_does_not_answer_well_has_shown_nothing(folder, monkeypatch, how):
    monkeypatch.setattr(notification, "SHOW_SECONDS", 3.0)
    with run_server(folder, how) as read_call:
        assert_not_shown(Notification(str(folder)))
        assert read_call()[0] == "Notify"  # it was asked


def test_without_a_server_or_a_bus_nothing_is_shown(folder):
    assert_not_shown(Notification(str(folder)))
    with run_bus(folder):
        assert_not_shown(Notification(str(folder)))
    assert_not_shown(Notification(str(folder)))  # the socket is left, and no one listens
    assert_not_shown(Notification(str(folder), "/usr/bin/no-busctl"))


@pytest.mark.parametrize("flood", [b"", b"junk\r\n", b"OK 1234\r\n" * 1000, b"\0" * 4096])
def test_a_bus_that_hangs_or_floods_is_left_in_time(folder, flood):
    path = folder / str(UID) / "bus"
    stop = threading.Event()

    def serve(listener):
        connections = []
        with contextlib.suppress(OSError):
            while not stop.is_set():
                if select.select([listener], [], [], 0.05)[0]:
                    connections.append(listener.accept()[0])
                    connections[-1].setblocking(False)
                for each in connections:
                    with contextlib.suppress(OSError):
                        each.send(flood)
        for each in connections:
            each.close()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        os.chown(path, UID, UID)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            assert_not_shown(Notification(str(folder)))
        finally:
            stop.set()
            thread.join()


def test_what_others_put_in_the_buss_place_is_not_asked(folder, tmp_path):
    """A link, a file, another user's socket or folder: the child is not even started."""
    mine = folder / str(UID)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(mine / "bus"))
        listener.listen()
        note = Notification(str(folder))
        os.chown(mine / "bus", OTHER_UID, OTHER_UID)
        assert_not_shown(note)
        os.chown(mine / "bus", 0, 0)
        assert_not_shown(note)
        os.chown(mine / "bus", UID, UID)
        for mode, uid in [(0o777, UID), (0o770, UID), (0o700, OTHER_UID), (0o700, 0)]:
            mine.chmod(mode)
            os.chown(mine, uid, uid)
            assert_not_shown(note)
        mine.chmod(0o700)
        os.chown(mine, UID, UID)
        (mine / "bus").rename(mine / "real")
        (mine / "bus").symlink_to("real")
        assert_not_shown(note)
        (mine / "bus").unlink()
        (mine / "bus").touch()
        os.chown(mine / "bus", UID, UID)
        assert_not_shown(note)
        mine.rename(folder / "elsewhere")
        mine.symlink_to("elsewhere")
        assert_not_shown(note)
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("uid", [0, -1, 2**31])
def test_root_and_unknown_users_have_no_desktop(folder, uid):
    (folder / str(uid)).mkdir(exist_ok=True)
    assert_not_shown(Notification(str(folder)), uid)


def test_a_late_answer_is_not_lost(folder, monkeypatch):
    """A desktop that was slow has shown it, so that it can still be closed."""
    monkeypatch.setattr(notification, "SHOW_SECONDS", 0.0)
    note = Notification(str(folder))
    with run_server(folder) as read_call:
        assert not note.show(UID, "sudo", "Nod.", 8)
        assert read_call()[0] == "Notify"
        wait_until(lambda: note._child.poll() is not None)
        monkeypatch.setattr(notification, "SHOW_SECONDS", float(SLACK_SECONDS))
        note.close()
        assert read_call() == ["CloseNotification", [1]]
