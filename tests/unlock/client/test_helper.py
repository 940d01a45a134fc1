"""Check PAM's helper alone: what it takes for remote, what it shows, which answer it trusts."""

import json
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlyme.unlock.client import helper, intent, notification
from onlyme.unlock.client.asker import BY_GREETER, BY_OWNER, Asker
from onlyme.unlock.client.harmless import fit_text, make_harmless
from onlyme.unlock.client.helper import run
from onlyme.unlock.client.remote import is_remote
from onlyme.unlock.client.seat import AT_SEAT, BESIDE_REMOTE, find_seat
from onlyme.unlock.client.terminal import Prompt, find_terminal, read_command
from onlyme.unlock.daemon.peer import Application, Peer
from onlyme.unlock.transport import NoAnswer, ask
from tests.processes import list_modules
from tests.unlock.stack import HELPER

PAM = {"PAM_TYPE": "auth", "PAM_USER": "ada", "PAM_SERVICE": "greetd"}
NO_PROCESS = 2**22 + 1  # above the highest number of a process


@pytest.fixture(autouse=True)
def _no_timer(monkeypatch):
    """Keep `run` from setting the timer that ends a process: here it would end pytest."""
    monkeypatch.setattr(helper, "_end_after", lambda _: None)


@pytest.fixture(autouse=True)
def _owner_asks(monkeypatch):
    """Take it that the owner asks; who asks is checked apart, below and in `tests/attacks`."""
    monkeypatch.setattr(helper.Asker, "judge", lambda _: BY_OWNER)
    monkeypatch.setattr(helper.Asker, "face", 4242)
    monkeypatch.setattr(helper, "find_seat", lambda *_: AT_SEAT)


class Answering:
    """A server on a socket that answers requests with given bytes, and further ones never."""

    def __init__(self, path, *answers, hold=False):
        self.path, self._answers, self._hold = str(path), list(answers), hold
        self.asked = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self._open = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        try:
            while True:
                wire, _ = self._listener.accept()
                self._open.append(wire)
                self.asked.append(wire.recv(65536))
                if self._answers and not self._hold:
                    wire.sendall(self._answers.pop(0))
                    wire.close()
        except OSError:
            return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)  # this ends `accept`
        for each in tuple(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        for each in (self._listener, *self._open):
            each.close()


def http(document, status=200):
    return f"HTTP/1.1 {status} X\r\nA: b\r\n\r\n{json.dumps(document)}".encode()


def answer(tmp_path, *answers, arguments=(), environment=PAM, **options):
    with Answering(tmp_path / "s", *answers, **options) as answering:
        words = ["--socket", answering.path, *arguments]
        return *run(words, environment, NO_PROCESS), answering


MATCH = {"accepted": True, "reason": "match", "message": ""}


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


# ------------------------------------------------------------------------------- gesture

GESTURE = {
    "accepted": False,
    "reason": "gesture",
    "message": "make it",
    "ticket": "t1",
    "arrow": "↓",
    "words": "nod\x1b[2J",
    "seconds": 5.0,
}
RIVAL = {"accepted": False, "reason": "rival", "message": "another program asked"}
NO_PROMPT = {"accepted": False, "reason": "no_prompt", "message": "nowhere"}
SUDO = PAM | {"PAM_SERVICE": "sudo"}


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


def read_documents(answering):
    return [json.loads(each.partition(b"\r\n\r\n")[2]) for each in answering.asked]


def test_without_a_terminal_the_desktop_shows_the_gesture(tmp_path, desktop):
    said = (NO_PROMPT, GESTURE, RIVAL, MATCH)
    opened, why, asked = answer(tmp_path, *map(http, said), environment=SUDO)
    assert (opened, why) == (True, "")
    documents = read_documents(asked)
    assert [each.get("can_show") for each in documents] == [False, True, None, None]
    assert [each.get("ticket") for each in documents] == [None, None, "t1", "t1"]
    announced, gesture, closed = desktop
    assert "wait for the movement" in announced[1]
    assert gesture == (4242, "sudo asks for your face: ↓ nod[2J", "")
    assert closed == "closed"


def test_a_desktop_that_takes_nothing_is_asked_for_no_gesture(tmp_path):
    opened, why, asked = answer(tmp_path, http(NO_PROMPT), http(MATCH), environment=SUDO)
    assert (opened, why) == (False, "nowhere")
    assert len(asked.asked) == 1


def test_a_desktop_that_does_not_take_the_gesture_ends_it(tmp_path):
    opened, why, asked = answer(tmp_path, http(GESTURE), http(MATCH), environment=SUDO)
    assert not opened
    assert "could not be shown on your desktop" in why
    assert len(asked.asked) == 1


@pytest.mark.parametrize(
    "said",
    [
        (GESTURE, GESTURE, MATCH),  # a gesture is asked for once
        (GESTURE, RIVAL, RIVAL, RIVAL, MATCH),
        (GESTURE | {"accepted": True}, RIVAL | {"accepted": True}, {"accepted": True}),
        (GESTURE | {"seconds": None}, {}),
        (NO_PROMPT, NO_PROMPT, MATCH),
        (NO_PROMPT | {"accepted": True}, GESTURE | {"accepted": True}, {}),
    ],
)
@pytest.mark.usefixtures("desktop")
def test_nothing_but_a_match_ends_a_gesture_well(tmp_path, said):
    assert answer(tmp_path, *map(http, said), environment=SUDO)[0] is False


def test_a_service_that_gives_no_rights_is_asked_for_no_gesture(tmp_path):
    for first in (GESTURE, NO_PROMPT):
        with tempfile.TemporaryDirectory() as folder:
            assert answer(Path(folder), http(first), http(MATCH))[0] is False


def test_polkits_notification_does_not_name_its_own_helper(tmp_path, desktop):
    answer(tmp_path, http(GESTURE), http(MATCH), environment=PAM | {"PAM_SERVICE": "polkit-1"})
    (_, title, body), _ = desktop
    assert title.startswith("polkit-1 asks for your face: ↓ nod")
    assert "only if you have just asked for this" in body


@pytest.fixture
def terminal(monkeypatch):
    """A terminal for the program that asks; yields its other end."""
    ours, theirs = os.openpty()
    monkeypatch.setattr(intent, "find_terminal", lambda *_: os.ttyname(theirs))
    monkeypatch.setattr(intent, "read_command", lambda _: "sudo id")
    yield ours
    os.close(ours)
    os.close(theirs)


def test_a_gesture_is_shown_on_the_terminal_without_what_could_draw(tmp_path, terminal, desktop):
    said = (http(GESTURE), http(RIVAL), http(MATCH))
    assert answer(tmp_path, *said, environment=SUDO)[0] is True
    shown = ""
    while "another program asked" not in shown:
        assert select.select([terminal], [], [], 10)[0], shown
        shown += os.read(terminal, 4096).decode()
    assert "onlyme: sudo id" in shown
    assert "↓ nod[2J, to allow it with your face" in shown
    assert "\x1b" not in shown
    assert desktop == [(4242, "sudo asks for your face: ↓ nod[2J", "sudo id"), "closed"]


def test_a_key_ends_the_wait_for_a_gesture(tmp_path, terminal):
    def press_key():
        while b"password" not in os.read(terminal, 4096):
            pass
        os.write(terminal, b"x")

    threading.Thread(target=press_key, daemon=True).start()
    began = time.monotonic()
    asked = http(GESTURE | {"seconds": 50.0})
    opened, why, _ = answer(tmp_path, asked, arguments=("--seconds", "20"), environment=SUDO)
    assert not opened
    assert "A key was pressed instead of the gesture; use the password" in why
    assert time.monotonic() - began < 30


def test_keys_are_not_shown_while_it_waits():
    ours, theirs = os.openpty()
    with Prompt(os.ttyname(theirs)) as prompt:
        os.write(ours, b"my password")
        assert select.select([prompt], [], [], 5)[0]
        assert not select.select([ours], [], [], 0.1)[0]
    os.close(ours)
    os.close(theirs)


def test_a_terminal_that_is_gone_shows_no_gesture(tmp_path, monkeypatch):
    monkeypatch.setattr(intent, "find_terminal", lambda *_: "/dev/null")
    opened, why, _ = answer(tmp_path, http(GESTURE), http(MATCH), environment=SUDO)
    assert not opened
    assert "could not be shown" in why


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


# -------------------------------------------------------------------------------- remote


def process(proc, pid, parent, comm="bash", environ="", cgroup="", tty=0, cmdline="", **more):
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    users = "\t".join(map(str, more.get("users", (0,) * 4)))
    folder.joinpath("status").write_text(f"Name:\tx\nUid:\t{users}\nGid:\t0\n")
    folder.joinpath("loginuid").write_text(str(more.get("login", 2**32 - 1)))
    folder.joinpath("comm").write_text(comm + "\n")
    folder.joinpath("environ").write_bytes(environ.encode())
    folder.joinpath("cgroup").write_text(cgroup)
    folder.joinpath("cmdline").write_bytes(cmdline.encode())
    # A name that tries to look like other fields, then the fields that Linux writes.
    others = " ".join("0" * 14)
    text = f"{pid} ({comm}) 1 2) S {parent} 1 1 {tty} {others} {100 + pid} 0 0"
    folder.joinpath("stat").write_text(text)
    return str(proc)


@pytest.fixture
def proc(tmp_path):
    folder = tmp_path / "proc"
    process(folder, 10, 1, "systemd", "PATH=/bin\0")
    process(folder, 20, 10, "bash", "PATH=/bin\0HOME=/\0", "0::/user.slice/session-3.scope\n")
    return folder


def judge_remote(proc, pid=30, sessions=None, **environment):
    return is_remote(environment, pid, str(proc), str(sessions or proc / "none"))


def test_a_local_session_is_not_remote(proc):
    process(proc, 30, 20, "sudo")
    assert not judge_remote(proc)
    assert not judge_remote(proc, PAM_RHOST="")


def test_a_host_that_pam_names_is_remote(proc):
    process(proc, 30, 20, "sudo")
    assert judge_remote(proc, PAM_RHOST="elsewhere.example")
    assert judge_remote(proc, SSH_CONNECTION="192.0.2.1 1 192.0.2.2 22")


@pytest.mark.parametrize("server", ["sshd", "sshd-session", "mosh-server", "xrdp", "dropbear"])
def test_a_server_among_the_ancestors_is_remote(proc, server):
    process(proc, 25, 20, server)
    process(proc, 28, 25, "sh")
    process(proc, 30, 28, "sudo")
    assert judge_remote(proc)


@pytest.mark.parametrize("name", ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"])
def test_an_ancestor_that_was_started_over_ssh_is_remote(proc, name):
    process(proc, 25, 20, "tmux: server", f"PATH=/bin\0{name}=x\0")
    process(proc, 30, 25, "sudo")
    assert judge_remote(proc)


def test_a_session_that_logind_calls_remote_is_remote(proc, tmp_path):
    """This also holds for a process that detached itself from its ancestors."""
    sessions = tmp_path / "sessions"
    sessions.mkdir()
    process(proc, 30, 1, "sudo", cgroup="0::/user.slice/user-1000.slice/session-7.scope\n")
    assert not judge_remote(proc, sessions=sessions)
    sessions.joinpath("7").write_text("UID=1000\nREMOTE=0\n")
    assert not judge_remote(proc, sessions=sessions)
    sessions.joinpath("7").write_text("UID=1000\nREMOTE=1\nTYPE=tty\n")
    assert judge_remote(proc, sessions=sessions)


def test_a_circle_of_processes_ends(proc):
    process(proc, 30, 31)
    process(proc, 31, 30)
    assert not judge_remote(proc)


def test_the_program_that_asks_is_known_by_its_process_and_its_start(proc):
    process(proc, 30, 20, "sudo")
    process(proc, 31, 30, "onlyme-pam")
    assert Peer(31, 0, 0).application(str(proc)) == Application(30, 130)
    assert Peer(NO_PROCESS, 0, 0).application(str(proc)) is None
    assert Peer(10, 0, 0).application(str(proc)) is None  # init has started it


# --------------------------------------------------------------------------------- asker

DAEMON, BIN = 1, 2  # users that every Linux has, in place of a person and another


@pytest.fixture
def judge(proc, monkeypatch):
    """Say who asks, where a shell (20) of `asker` has started the program (30)."""
    monkeypatch.undo()
    name = {number: pwd.getpwuid(number).pw_name for number in (0, DAEMON, BIN)}
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def judge_asker(face=DAEMON, asker=DAEMON, own=0, ruser=None, service="sudo", **more):
        for folder in proc.iterdir():
            shutil.rmtree(folder)
        process(proc, 1, 0, "systemd")
        process(proc, 20, 1, users=(asker,) * 4)
        between = more.get("between", [])  # programs through which the shell has started it
        for number, users in enumerate(between, 21):
            process(proc, number, number - 1, users=users)
        process(
            proc,
            30,
            20 + len(between),
            service,
            users=(own, 0, 0, 0),
            login=more.get("login", 2**32 - 1),
        )
        environment = {"PAM_USER": name[face], "PAM_SERVICE": service}
        if ruser is not None:
            environment["PAM_RUSER"] = name[ruser]
        monkeypatch.setattr(Asker, "is_alive", lambda _: True)  # these processes do not exist
        return Asker(environment, 30, str(proc)).judge()

    return judge_asker


@pytest.mark.parametrize(
    ("case", "by"),
    [
        ({"ruser": DAEMON}, BY_OWNER),  # sudo: root already, and it names who started it
        ({"own": DAEMON}, BY_OWNER),  # su: still who started it
        ({"own": DAEMON, "ruser": DAEMON, "login": DAEMON}, BY_OWNER),
        ({}, ""),  # a parent alone is no evidence: it may have been replaced
        ({"ruser": BIN}, ""),
        ({"own": BIN}, ""),
        ({"own": BIN, "ruser": DAEMON}, ""),
        ({"asker": BIN, "ruser": DAEMON}, ""),
        ({"asker": BIN, "own": DAEMON}, ""),
        ({"asker": BIN, "own": BIN, "ruser": BIN}, ""),
        ({"asker": 0, "ruser": DAEMON}, ""),
        ({"own": DAEMON, "between": [(DAEMON, 0, 0, 0)]}, BY_OWNER),  # polkit's helper, by pkexec
        ({"own": DAEMON, "between": [(DAEMON, 0, 0, 0)], "asker": BIN}, ""),
        ({"own": DAEMON, "between": [(BIN, 0, 0, 0)]}, ""),
        ({"own": DAEMON, "between": [(DAEMON, 0, 0, DAEMON)]}, ""),
        ({"own": DAEMON, "between": [(DAEMON, BIN, BIN, BIN)]}, ""),  # another user's program
        ({"own": DAEMON, "between": [(0, 0, 0, 0)]}, ""),
        ({"own": DAEMON, "between": [(DAEMON, 0, 0, 0)] * 9}, ""),
        ({"ruser": DAEMON, "login": BIN}, ""),  # `su` led here from another login
        ({"face": 0, "asker": 0, "ruser": 0}, ""),
        ({"asker": 0, "service": "login"}, BY_GREETER),
        ({"asker": 0, "service": "login", "login": BIN}, ""),
        ({"asker": BIN, "service": "login"}, ""),
        ({"asker": 0, "own": BIN, "service": "login"}, ""),
        ({"asker": 0, "service": "sshd"}, ""),
    ],
)
def test_a_face_opens_for_its_owner_or_for_a_greeter(judge, case, by):
    assert judge(**case) == by


def test_a_process_that_has_ended_asks_for_none(tmp_path):
    """It is held by a descriptor, so that another one of its number is not taken for it."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    with subprocess.Popen(["sleep", "60"]) as program:
        environment = {"PAM_USER": user, "PAM_SERVICE": "login"}
        with Asker(environment, program.pid) as asker:
            assert asker.is_alive()
            program.kill()
            program.wait()
            assert not asker.is_alive()
    with Asker(environment, NO_PROCESS) as asker:
        assert not asker.is_alive()


# ---------------------------------------------------------------------------------- seat

CONSOLE, SERIAL, PTY = 4 << 8 | 3, 4 << 8 | 64, 136 << 8 | 3


@pytest.mark.parametrize(("tty", "found"), [(CONSOLE, AT_SEAT), (SERIAL, ""), (PTY, ""), (0, "")])
@pytest.mark.parametrize("by", [BY_OWNER, BY_GREETER])
def test_without_logind_only_the_kernels_consoles_are_a_seat(proc, tmp_path, by, tty, found):
    process(proc, 30, 20, "login", tty=tty)
    assert find_seat(by, DAEMON, 30, str(proc), str(tmp_path / "none")) == found
    assert find_seat(by, DAEMON, NO_PROCESS, str(proc), str(tmp_path / "none")) == ""


def test_logind_says_who_sits_where(proc, tmp_path):
    sessions = tmp_path / "sessions"
    sessions.mkdir()
    os.mkfifo(sessions / "1.ref")  # as logind has them: reading one would wait for ever

    def ask_seat(by=BY_OWNER, tty=0, cgroup="/user.slice/user-1.slice/user@1.service/a"):
        shutil.rmtree(proc)
        process(proc, 30, 20, tty=tty, cgroup=f"12:cpu:/\n1:name=systemd:{cgroup}\n0::/\n")
        return find_seat(by, DAEMON, 30, str(proc), str(sessions))

    assert ask_seat() == ask_seat(BY_GREETER) == ""
    here = "UID=1\nACTIVE=1\nREMOTE=0\nSEAT=seat0\nCLASS=user\n"
    (sessions / "1").write_text(here)
    assert ask_seat() == ask_seat(BY_GREETER) == AT_SEAT
    assert ask_seat(BY_GREETER, tty=PTY) == ask_seat(BY_GREETER, tty=SERIAL) == ""
    assert ask_seat(cgroup="/user.slice/user-1.slice/session-1.scope") == AT_SEAT
    assert ask_seat(cgroup="/user.slice/user-2.slice/user@2.service") == ""
    assert ask_seat(cgroup="/user.slice/user-2.slice/user@1.service") == ""
    (sessions / "5").write_text(here.replace("REMOTE=0", "REMOTE=1").replace("seat0", ""))
    assert ask_seat() == BESIDE_REMOTE
    assert ask_seat(tty=CONSOLE) == BESIDE_REMOTE
    assert ask_seat(BY_GREETER, tty=CONSOLE) == AT_SEAT  # no program from afar starts a login
    (sessions / "1").write_text(here.replace("ACTIVE=1", "ACTIVE=0"))
    assert ask_seat(tty=CONSOLE) == ""  # another console is in the foreground


# ------------------------------------------------------------------------------ terminal


def test_the_command_is_shown_without_characters_that_could_draw(proc):
    words = "\0".join(["sudo", "echo", "\x1b[2J\x1b[1;1Hapt upgrade", "a\nb", "é"]) + "\0"
    process(proc, 30, 20, cmdline=words)
    assert read_command(30, str(proc)) == "sudo echo �[2J�[1;1Hapt upgrade a�b é"
    (proc / "30/exe").symlink_to("/usr/bin/sudo")
    assert read_command(30, str(proc)).startswith("sudo echo ")
    (proc / "30/exe").unlink()
    (proc / "30/exe").symlink_to("/usr/bin/doas (deleted)")  # the kernel knows better
    assert read_command(30, str(proc)).startswith("doas echo ")
    process(proc, 31, 20, cmdline="x" * 5000)
    assert read_command(31, str(proc)).endswith("… (4096 characters)")
    assert read_command(NO_PROCESS, str(proc)) == ""


@settings(deadline=None)  # this machine may be busy
@given(st.text())
def test_any_text_becomes_one_line_that_draws_nothing(text):
    shown = make_harmless(text)
    assert shown.isprintable()
    assert "  " not in shown
    assert not any(unicodedata.combining(character) for character in shown)
    assert not {unicodedata.bidirectional(each) for each in shown} & {"R", "AL", "AN", "RLO"}


@settings(deadline=None)
@given(st.text(), st.integers(2, 100))
def test_a_line_fits(text, columns):
    shown = fit_text(make_harmless(text), columns)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in shown)
    assert len(shown) + wide <= columns


def test_a_terminal_is_the_one_of_the_process_and_no_other(proc):
    ours, theirs = os.openpty()
    other, others = os.openpty()
    try:
        path, number = os.ttyname(theirs), os.fstat(theirs).st_rdev
        encoded = os.minor(number) & 0xFF | os.major(number) << 8 | (os.minor(number) >> 8) << 20
        process(proc, 30, 20, tty=encoded)
        assert find_terminal(30, path, str(proc)) == path
        assert find_terminal(30, "", str(proc)) == path
        assert find_terminal(30, os.ttyname(others), str(proc)) == path  # PAM's name is wrong
        assert find_terminal(30, ":0", str(proc)) == path
        process(proc, 31, 20, tty=0)
        assert find_terminal(31, path, str(proc)) is None
        assert find_terminal(NO_PROCESS, path, str(proc)) is None
    finally:
        for handle in (ours, theirs, other, others):
            os.close(handle)
