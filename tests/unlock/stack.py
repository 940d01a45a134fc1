"""Run the real PAM of this machine on a private copy of its configuration.

A `Stack` is a folder with a copy of /etc, and empty folders for /run and /var/lib. Programs run
in it in their own mount namespace, where these folders cover the real ones: real libpam, real
pam_exec, real pam_unix with the test's own password file. Nothing can change this machine, and
tests can run side by side.
"""

import atexit
import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.processes import drop_coverage

USER, PASSWORD, UID = "ada", "correct horse", 4242
OTHER, OTHER_PASSWORD, OTHER_UID = "bob", "battery staple", 4243
WRONG = "wrong"
GROUP_ID = 4300
DAEMON = (sys.executable, "-m", "onlyme", "daemon")
HELPER = Path(sys.executable).with_name("onlyme-pam")

SECONDS = 8.0
"""The helper's deadline in tests, since this machine may be busy. One test is about its default."""

SHORT_SECONDS = 1.0
"""The deadline of the service `lxdm`, for tests in which no answer comes."""

LINES = """\
auth     [success=done default=ignore] pam_exec.so quiet seteuid stdout {helper} {options}
auth     required pam_unix.so nodelay
account  required pam_unix.so
account  optional pam_exec.so quiet seteuid stdout {helper}
"""
"""A whole service: the face, then the password."""

_ENTER = """\
set -e
mount --bind "$0/etc" /etc
mount --bind "$0/run" /run
mount --bind "$0/lib" /var/lib
[ ! -d /proc/acpi ] || mount --bind "$0/acpi" /proc/acpi
exec "$@"
"""


class Login(NamedTuple):
    """How an attempt to log in ended."""

    opened: bool
    asked: bool
    """Whether the password was asked for."""
    words: str
    seconds: float


class Stack:
    """A private copy of the system's configuration, and the programs that run on it."""

    def __init__(self, folder):
        self.folder = folder
        self.groups = {}  # cgroups by users; by default that of their own manager
        self.over = {}  # further folders by the real ones that they cover
        shutil.copytree("/etc", folder / "etc", symlinks=True, ignore_dangling_symlinks=True)
        for name in ("run/onlyme", "lib/onlyme", "acpi", "etc/onlyme"):
            (folder / name).mkdir(parents=True)
        for name in ("lib/onlyme", "etc/onlyme"):
            (folder / name).chmod(0o700)
        self.add_session("greeter1", 0, CLASS="greeter")
        self.add_session("1", UID)
        self.add_session("2", OTHER_UID)
        self.add_user(USER, PASSWORD, UID)
        self.add_user(OTHER, OTHER_PASSWORD, OTHER_UID)
        self._append("group", f"onlyme:x:{GROUP_ID}:{USER},{OTHER}")
        # Display managers, since they ask for users who are not logged in yet; others must be
        # started by the user.
        self.service("greetd", LINES)
        self.service("lxdm", LINES, seconds=SHORT_SECONDS)

    # ------------------------------------------------------------- what it consists of

    def add_session(self, name, uid, **fields):
        """Write what logind writes of a session; by default one at this computer's screen."""
        folder = self.folder / "run/systemd/sessions"
        folder.mkdir(parents=True, exist_ok=True)
        usual = {"UID": uid, "ACTIVE": 1, "REMOTE": 0, "SEAT": "seat0", "CLASS": "user"}
        lines = [f"{key}={value}" for key, value in (usual | fields).items()]
        (folder / name).write_text("\n".join(lines) + "\n")

    def remove_session(self, name):
        (self.folder / "run/systemd/sessions" / name).unlink()

    def add_user(self, name, password, uid):
        made = subprocess.run(
            ["openssl", "passwd", "-6", password], capture_output=True, text=True, check=True
        )
        self._append("passwd", f"{name}:x:{uid}:{uid}::/tmp:/bin/sh")
        self._append("shadow", f"{name}:{made.stdout.strip()}:19000:0:99999:7:::")
        self._append("group", f"{name}:x:{uid}:")

    def service(self, name, lines, helper=HELPER, seconds=SECONDS):
        """Write a service's PAM file; the helper's own deadline applies if `seconds` is None."""
        options = "" if seconds is None else f"--seconds {seconds:g}"
        text = lines.format(helper=helper, options=options)
        (self.folder / "etc/pam.d" / name).write_text(text)

    def configure(self, **settings):
        """Write /etc/onlyme/config.toml; a screen locker need not have run for a while."""
        settings = {"unlock_after_lock_seconds": 0} | settings
        lines = [f"{key} = {_toml(value)}" for key, value in settings.items()]
        (self.folder / "etc/onlyme/config.toml").write_text("\n".join(lines) + "\n")

    def close_lid(self, state="closed"):
        folder = self.folder / "acpi/button/lid/LID0"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "state").write_text(f"state:      {state}\n")

    def socket(self):
        return self.folder / "run/onlyme/onlyme.sock"

    def _append(self, name, line):
        with (self.folder / "etc" / name).open("a") as file:
            file.write(line + "\n")

    # --------------------------------------------------------------- what runs in it

    def command(self, *words, uid=None):
        """Return the words that run a command in here, as root or as another user."""
        as_user = []
        if uid:
            # The interpreter and the checkout may be where only root can read.
            reads = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
            as_user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--init-groups", *reads]
            # A shell of the user starts it: the user of the process above it counts as asking.
            as_user += ["sh", "-c", '"$@"; exit $?', "sh"]
        inside = [*as_user, *map(str, words)]
        group = self.groups.get(uid, f"user.slice/user-{uid}.slice/user@{uid}.service")
        join = f"echo $$ > {make_group(group)}/cgroup.procs\n" if uid else ""
        more = join + "".join(
            f'mount --bind "{mine}" "{real}"\n' for real, mine in self.over.items()
        )
        enter = _ENTER.replace("exec", more + "exec")
        return ["unshare", "-m", "sh", "-c", enter, str(self.folder), *inside]

    def start(self, *words, uid=None, environment=None, **options):
        options = {"start_new_session": True} | options  # without the terminal of these tests
        inherited = drop_coverage() if uid else os.environ
        variables = {k: value for k, value in inherited.items() if not k.startswith("ONLYME_")}
        return subprocess.Popen(
            self.command(*words, uid=uid), env=variables | (environment or {}), **options
        )

    def run(self, *words, uid=None, text_in="", seconds=60, environment=None):
        """Run a command to its end; return it with its output."""
        options = {"stdin": -1, "stdout": -1, "stderr": subprocess.STDOUT, "text": True}
        process = self.start(*words, uid=uid, environment=environment, **options)
        try:
            said, _ = process.communicate(text_in, timeout=seconds)
        finally:
            process.kill()
            process.wait()
        return subprocess.CompletedProcess(words, process.returncode, said)

    def login(self, user=USER, password=WRONG, service="greetd", more=(), items=()):
        """Authenticate through PAM, as any program does, by default with a wrong password."""
        given = [word for item in items for word in ("-I", item)]
        began = time.monotonic()
        done = self.run(
            *("pamtester", *given, service, user, "authenticate", *more), text_in=f"{password}\n"
        )
        seconds = time.monotonic() - began
        return Login(done.returncode == 0, "Password" in done.stdout, done.stdout, seconds)

    @contextlib.contextmanager
    def daemon(self, *, wait=True, environment=None, command=DAEMON):
        """Run the real daemon in here until the end of the block."""
        with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
            ready = self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            ready.bind(f"{folder}/notify")
            ready.settimeout(60)
            variables = {"NOTIFY_SOCKET": f"{folder}/notify", **(environment or {})}
            with (self.folder / "daemon.log").open("a") as log:
                process = self.start(*command, environment=variables, stdout=log, stderr=log)
            try:
                if wait:
                    wait_until(lambda: process.poll() is not None or _readable(ready), seconds=60)
                    assert process.poll() is None, self.log()
                    assert ready.recv(100) == b"READY=1", self.log()
                yield process
            finally:
                ready.close()
                process.send_signal(signal.SIGCONT)
                process.terminate()
                try:
                    process.wait(30)
                finally:
                    process.kill()
                    process.wait()

    def log(self):
        return (self.folder / "daemon.log").read_text()


class Terminal:
    """A terminal with a program, on which the test types."""

    def __init__(self, stack, *words, uid=None):
        """Start a program; the word TTY is replaced by the terminal's path."""
        self._ours, theirs = os.openpty()
        self.path = os.ttyname(theirs)
        if uid:
            os.chown(self.path, uid, -1)
        given = [word.replace("TTY", self.path) for word in map(str, words)]
        options = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        self.process = stack.start("setsid", "--ctty", "--wait", *given, uid=uid, **options)
        os.close(theirs)
        self.seen = ""

    def read_until(self, words, seconds=60):
        """Read until some words appear."""
        end = time.monotonic() + seconds
        while words not in self.seen:
            left = end - time.monotonic()
            assert left > 0, f"{words!r} was not seen in {self.seen!r}"
            if select.select([self._ours], [], [], left)[0]:
                try:
                    self.seen += os.read(self._ours, 4096).decode(errors="replace")
                except OSError:  # the program has ended
                    assert words in self.seen, f"{words!r} was not seen in {self.seen!r}"
        return self.seen

    def read_some(self, seconds=0.1):
        """Read what there is, or wait for a moment."""
        if select.select([self._ours], [], [], seconds)[0]:
            with contextlib.suppress(OSError):  # the program has ended
                self.seen += os.read(self._ours, 4096).decode(errors="replace")

    def type(self, keys):
        os.write(self._ours, keys.encode())

    def end(self, seconds=60):
        """Wait until the program ends; return whether it succeeded."""
        try:
            return self.process.wait(seconds) == 0
        finally:
            self.close()

    def close(self):
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            while select.select([self._ours], [], [], 0)[0]:
                self.seen += os.read(self._ours, 4096).decode(errors="replace")
        with contextlib.suppress(OSError):
            os.close(self._ours)


def make_group(path):
    """Make a cgroup as systemd does, with a part for this process's own tests; return it."""
    root = Path("/sys/fs/cgroup")
    root = root / "unified" if (root / "unified").is_dir() else root
    folder = root / path / f"tests-{os.getpid()}"
    if not folder.is_dir():
        folder.mkdir(parents=True)
        atexit.register(_remove_group, folder, root)
    return folder


def _remove_group(folder, root):
    with contextlib.suppress(OSError):  # another process's tests may use it
        while folder != root:
            folder.rmdir()
            folder = folder.parent


def _readable(wire):
    return bool(select.select([wire], [], [], 0)[0])


def wait_until(condition, seconds=60):
    """Wait until a condition is met."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def require_usable():
    """Skip the test where this machine cannot run it; fail in CI, where it should."""
    missing = [
        name for name in ("unshare", "pamtester", "setpriv", "openssl") if not shutil.which(name)
    ]
    why = ""
    if os.geteuid() != 0:
        why = "a mount namespace with a copy of /etc needs root"
    elif missing:
        why = f"not installed: {', '.join(missing)}"
    elif subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        why = "this machine allows no mount namespace"
    else:
        try:
            make_group("system.slice")
        except OSError:
            why = "this machine allows no cgroups"
    if why and os.environ.get("CI"):
        pytest.fail(why)
    if why:
        pytest.skip(why)


def _toml(value):
    return str(value) if isinstance(value, (int, float)) else f'"{value}"'
