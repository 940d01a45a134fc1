"""Check PAM's helper alone: which answer it trusts, and how it ends."""

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlyme.unlock.client.helper import run
from onlyme.unlock.transport import NoAnswer, ask
from tests.processes import list_modules
from tests.unlock.client.answering import MATCH, NO_PROCESS, PAM, answer, http
from tests.unlock.stack import HELPER

pytestmark = pytest.mark.usefixtures("no_timer", "owner_asks")


def test_only_one_answer_opens(tmp_path):
    assert answer(tmp_path, http(MATCH))[:2] == (True, "")


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0" * 100,
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n[true]",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000,
        b"SMTP/1.1 200 OK\r\n\r\n" + json.dumps(MATCH).encode(),
        http(MATCH, 500),
        http(MATCH, 201),
        http(MATCH | {"accepted": 1}),
        http(MATCH | {"accepted": "true"}),
        http(MATCH | {"accepted": None}),
        http(MATCH | {"reason": "no_match"}),
        http({"accepted": True}),
        http({"reason": "match"}),
        http({}),
    ],
)
def test_any_other_answer_does_not(tmp_path, said):
    assert answer(tmp_path, said)[0] is False


@settings(deadline=None)  # this machine may be busy
@given(said=st.binary(max_size=200))
def test_no_noise_opens(tmp_path_factory, said):
    assert answer(tmp_path_factory.mktemp("s"), said)[0] is False


def test_a_server_that_never_answers_is_given_up_in_time(tmp_path):
    began = time.monotonic()
    opened, why, _ = answer(tmp_path, hold=True, arguments=("--seconds", "0.3"))
    assert not opened
    assert "did not answer within 0.3 s" in why
    assert time.monotonic() - began < 10


def test_a_server_that_sends_a_byte_now_and_then_is_given_up_in_time(tmp_path):
    """Each read comes in time; all of them together do not."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()

    def trickle():
        wire, _ = listener.accept()
        try:
            while True:
                wire.sendall(b"H")
                time.sleep(0.05)
        except OSError:
            wire.close()

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="did not answer"):
        ask(str(tmp_path / "s"), "/", {}, 0.4)
    assert time.monotonic() - began < 10
    thread.join(10)
    listener.close()


@pytest.fixture
def open_folder():
    """A folder that every user may write to; pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        Path(folder).chmod(0o777)
        yield folder


def test_a_socket_of_another_user_is_not_believed(open_folder):
    """A user who could put a socket there could open for every face."""
    if os.geteuid() != 0:
        pytest.skip("needs a second user")
    listens = (
        "import os, socket, sys; os.setresuid(4242, 4242, 4242)\n"
        "listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[1]); listener.listen()\n"
        "print('ready', flush=True); listener.accept()"
    )
    path = f"{open_folder}/s"
    with subprocess.Popen([sys.executable, "-c", listens, path], stdout=-1) as process:
        assert process.stdout.readline() == b"ready\n"
        opened, why = run(["--socket", path], PAM, NO_PROCESS)
        process.kill()
    assert not opened
    assert "belongs to another user" in why


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seconds"],
        ["--seconds", "soon"],
        ["--seconds", "0"],
        ["--seconds", "1e9"],
        ["--seconds", "nan"],
        ["--socket", "relative"],
        ["--socket"],
        ["anything"],
    ],
)
def test_wrong_arguments_do_not_open_and_say_so(arguments):
    opened, why = run(arguments, PAM, NO_PROCESS)
    assert not opened
    assert "usage" in why


@pytest.mark.parametrize("kind", ["account", "session", "password", "close_session", ""])
def test_no_other_question_of_pam_opens(tmp_path, kind):
    opened, why, answering = answer(tmp_path, http(MATCH), environment=PAM | {"PAM_TYPE": kind})
    assert (opened, why) == (False, "")
    assert not answering.asked


def test_without_a_user_there_is_nothing_to_ask(tmp_path):
    assert answer(tmp_path, environment={"PAM_TYPE": "auth"})[:2] == (False, "")


def test_the_command_says_one_line_and_fails(tmp_path):
    done = subprocess.run(
        [str(HELPER), "--socket", str(tmp_path / "none")],
        env=PAM | {"PAM_USER": pwd.getpwuid(os.geteuid()).pw_name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    # Whether these tests run at a seat is not known, so the reason is not either.
    assert done.stdout.startswith("onlyme: ")
    assert done.stdout.endswith("; use the password\n")
    assert done.stdout.count("\n") == 1
    assert not done.stderr


def test_the_kernel_ends_a_helper_that_hangs():
    code = (
        "import sys, time; from onlyme.unlock.client import helper\n"
        "helper.is_remote = lambda *_: time.sleep(60)\n"
        "sys.argv[1:] = ['--seconds', '0.1']; helper.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | PAM, check=False)
    assert done.returncode == -signal.SIGALRM


def _list_packages(code):
    return {name.partition(".")[0] for name in list_modules(code)}


def test_it_loads_the_standard_library_alone():
    """And little of it, since every login waits for what it loads."""
    loaded = _list_packages("import onlyme.unlock.client.helper")
    # Modules that the environment's own start-up files load do not count.
    started = _list_packages("")
    assert not loaded - started - {"onlyme"} - sys.stdlib_module_names
    heavy = {"argparse", "http", "email", "ssl", "logging", "subprocess", "pathlib", "asyncio"}
    assert not loaded & heavy
