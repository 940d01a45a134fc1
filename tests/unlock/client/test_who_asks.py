"""Who asks, where they sit, and what counts as a remote session."""

import os
import pwd
import shutil
import subprocess

import pytest

from onlyme.unlock.client.asker import BY_GREETER, BY_OWNER, Asker
from onlyme.unlock.client.remote import is_remote
from onlyme.unlock.client.seat import AT_SEAT, BESIDE_REMOTE, find_seat
from onlyme.unlock.daemon.peer import Application, Peer
from tests.unlock.client.answering import NO_PROCESS
from tests.unlock.client.proc import process


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
