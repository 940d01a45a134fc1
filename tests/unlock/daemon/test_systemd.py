"""Check what systemd needs: units, a socket taken over, signs of life, a clean stop."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onlyme.unlock.daemon import systemd
from onlyme.unlock.transport import ask
from onlyme.unlock.units import NAMES, make_unit
from tests.unlock.stack import DAEMON, GROUP_ID, PASSWORD, UID, USER, wait_until

ANALYZE = shutil.which("systemd-analyze")


@pytest.fixture
def units(tmp_path):
    if ANALYZE is None:
        if os.environ.get("CI"):
            pytest.fail("systemd-analyze is not installed")
        pytest.skip("systemd-analyze is not installed")
    for name in NAMES:
        (tmp_path / name).write_text(make_unit(name, Path(sys.executable).with_name("onlyme")))
    return tmp_path


def test_the_units_are_valid(units):
    paths = [str(units / name) for name in NAMES]
    done = subprocess.run(
        [ANALYZE, "verify", "--recursive-errors=no", *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if str(units) in line]
    assert not complaints
    assert done.returncode == 0, done.stderr


def test_the_service_is_hardened(units):
    """Exposure from 0 to 10, as systemd rates it; a plain service has 9.6."""
    done = subprocess.run(
        [ANALYZE, "security", "--offline=true", "--threshold=20", str(units / NAMES[0])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


# A program that drops the privileges that the unit drops, and becomes the daemon.
CONFINED = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE, PR_CAPBSET_DROP = 38, 65, 24
for capability in range(64):
    libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
libc.prctl(PR_SET_MDWE, 1, 0, 0, 0)  # MemoryDenyWriteExecute; unknown before Linux 6.3
os.execv(sys.executable, [sys.executable, "-m", "onlyme", "daemon"])
"""


LOGIN = {"user": USER, "asker": "greeter", "seat": "local"}
"""What the helper of a display manager asks."""

LISTEN = ("systemd-socket-activate", "-E", "PYTHONPATH", "-l", "/run/onlyme/onlyme.sock")
activated = pytest.mark.skipif(
    not shutil.which("systemd-socket-activate"), reason="systemd-socket-activate is not installed"
)


@pytest.mark.data
@activated
def test_it_runs_as_root_without_privileges(stack):
    """No capability, no network, no new privileges, no memory that is written and run."""
    command = (*LISTEN, "unshare", "-n", sys.executable, "-c", CONFINED)
    with stack.daemon(command=command, wait=False):
        wait_until(stack.socket().exists)
        status, answer = ask(str(stack.socket()), "/v1/attempt", LOGIN, 60)
        assert (status, answer["accepted"]) == (200, True), stack.log()
        question = {"user": USER, "far": 1e-5}
        status, answer = ask(str(stack.socket()), "/v1/tune", question, 30)
        assert status == 200, answer
        # It can still check a user's password.
        os.chown(stack.socket(), 0, GROUP_ID)  # as SocketGroup and SocketMode say
        stack.socket().chmod(0o660)
        tune = (sys.executable, "-m", "onlyme", "unlock", "tune", "--far", "1e-6")
        done = stack.run(*tune, uid=UID, text_in=f"{PASSWORD}\n")
        assert done.returncode == 0, (done.stdout, stack.log())


@pytest.mark.data
@activated
def test_a_socket_that_systemd_opened_is_taken_over(stack):
    """With systemd's own tool: the first question starts the daemon, and is answered."""
    with stack.daemon(command=(*LISTEN, *DAEMON), wait=False) as process:
        wait_until(stack.socket().exists)
        status, answer = ask(str(stack.socket()), "/v1/attempt", LOGIN, 60)
        assert (status, answer["accepted"]) == (200, True)
        assert process.poll() is None


@pytest.mark.data
def test_it_gives_signs_of_life_and_stops_cleanly(stack):
    with stack.daemon(environment={"WATCHDOG_USEC": "600000"}) as process:
        messages = [stack.notified.recv(100) for _ in range(3)]
        assert messages == [b"WATCHDOG=1"] * 3
        process.terminate()
        assert process.wait(60) == 0
        last = b""
        while last != b"STOPPING=1":
            last = stack.notified.recv(100)
    assert "Traceback" not in stack.log()


@pytest.mark.data
def test_a_second_daemon_does_not_take_the_socket(stack):
    with stack.daemon():
        second = stack.run(sys.executable, "-m", "onlyme", "daemon")
        assert second.returncode == 2
        assert "another onlyme daemon listens" in second.stdout
        assert stack.login().opened


def test_it_gives_no_sign_of_life_while_the_recognizer_hangs(monkeypatch, tmp_path):
    """Signs of life must come from the thread that looks, not from the loop alone."""
    import asyncio

    from onlyme.settings import Settings
    from onlyme.unlock.daemon.service import UnlockService

    service = UnlockService(Settings.load(vault=tmp_path / "vault"))
    try:
        service._looking.submit(time.sleep, 1.0)

        async def alive(seconds):
            async with asyncio.timeout(seconds):
                await service.wait_until_idle()

        with pytest.raises(TimeoutError):
            asyncio.run(alive(0.1))
        asyncio.run(alive(30))
    finally:
        service.close()


# ------------------------------------------------------------------ systemd's own protocols


def test_notify_reaches_a_path_and_an_abstract_name(tmp_path, monkeypatch):
    for address, variable in (
        (str(tmp_path / "notify"), str(tmp_path / "notify")),
        (f"\0onlyme-test-{os.getpid()}", f"@onlyme-test-{os.getpid()}"),
    ):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
            ours.bind(address)
            ours.settimeout(10)
            monkeypatch.setenv("NOTIFY_SOCKET", variable)
            assert systemd.notify("READY=1")
            assert ours.recv(100) == b"READY=1"
    assert not systemd.notify("READY=1")  # the socket is closed
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert not systemd.notify("READY=1")


def test_variables_that_are_for_another_process_mean_nothing(monkeypatch):
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert systemd.take_socket() is None
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    monkeypatch.setenv("WATCHDOG_USEC", "1000")
    assert systemd.read_watchdog_seconds() is None
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert systemd.read_watchdog_seconds() == 0.001
    monkeypatch.setenv("WATCHDOG_USEC", "soon")
    assert systemd.read_watchdog_seconds() is None


@pytest.mark.parametrize("kind", ["datagram", "two", "tcp"])
def test_a_socket_of_another_kind_is_refused(kind):
    """In a process of its own, since it is about descriptor 3."""
    code = f"""
import os, socket
family = socket.AF_INET if {kind!r} == "tcp" else socket.AF_UNIX
made = socket.socket(family, socket.SOCK_DGRAM if {kind!r} == "datagram" else socket.SOCK_STREAM)
os.dup2(made.fileno(), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = "2" if {kind!r} == "two" else "1"
from onlyme.unlock.daemon import systemd
try:
    systemd.take_socket()
except OSError as error:
    print("refused:", error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("refused: systemd gave"), done.stderr
