"""Boot a Debian in a container and run commands in it.

    with Machine(build_tree()) as machine:
        print(machine.check("loginctl", "list-sessions"))

Its files are an overlay on the tree, so that the tree stays as it is. It has no network but its
own loopback. Root is needed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tools.debian.console import Console, PtyConsole, VirtualConsole, find_screen_problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Machine", "find_problem"]

_NEEDED = ("debootstrap", "systemd-nspawn", "nsenter", "unshare", "setpriv")
_PREFIX = "onlyme-machine-"
_BOOT_SECONDS = 180
_OFF_SECONDS = 30
_POWER_OFF = signal.SIGRTMIN + 4  # systemd(1)
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "TERM": "linux",
    "LANG": "C.UTF-8",
}

# In namespaces of its own: the overlay ends with the machine, and all its processes end with the
# program that boots it.
_ENTER = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount-proc", "--fork", "--kill-child")
_BOOT = """\
set -e
folder=$1 tree=$2 groups=$3
shift 3
for group in $groups; do echo $$ > "$group/cgroup.procs"; done
mount -t overlay overlay "$folder/root" \
    -o "lowerdir=$tree,upperdir=$folder/upper,workdir=$folder/work"
exec systemd-nspawn --quiet --register=no --keep-unit --private-network --notify-ready=yes \
    --directory="$folder/root" "$@" --boot
"""


def find_problem() -> str:
    """Say why no machine can be built or booted here; empty if one can."""
    missing = [name for name in _NEEDED if not shutil.which(name)]
    if os.geteuid() != 0:
        return "only root can boot a Debian"
    if missing:
        return f"not installed: {', '.join(missing)}"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        return "this computer allows no mount namespace"
    return ""


class Machine:
    """A Debian that is booted until the end of a block.

    Args:
        tree: its files, as `build_tree` returns them.
        binds: files of this computer that it may read, by their paths in the machine.
        screen: whether its console is one of the kernel's; by default where that is possible.

    Attributes:
        console: its keyboard and screen, where users log in.
    """

    def __init__(
        self, tree: Path, binds: Mapping[str, Path] | None = None, *, screen: bool | None = None
    ) -> None:
        self._tree, self._binds = tree, dict(binds or {})
        has_screen = not find_screen_problem() if screen is None else screen
        self.console: Console = VirtualConsole() if has_screen else PtyConsole()
        self._leader = 0

    def __enter__(self) -> Self:
        """Boot, and wait until the services have started."""
        with contextlib.ExitStack() as stack:
            _remove_rests()
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX)))
            lock = stack.enter_context((self._folder / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._groups = stack.enter_context(_make_groups(self._folder.name))
            stack.enter_context(self.console)
            self._log = stack.enter_context((self._folder / "log").open("w+"))
            self._start()
            stack.callback(self.power_off)
            self._wait_until_booted()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Power off, and remove all that it wrote."""
        self._stack.close()

    @property
    def root(self) -> Path:
        """Its files, while it runs."""
        return Path(f"/proc/{self._leader}/root")

    def command(self, *words: object, **variables: str) -> list[str]:
        """Return the words that run a command in it as root, outside of all its sessions."""
        given = [f"{name}={value}" for name, value in (_ENVIRONMENT | variables).items()]
        enter = ["nsenter", "--target", str(self._leader), "--all", "env", "-i", *given]
        return [*enter, *map(str, words)]

    def run(
        self, *words: object, text_in: str = "", seconds: float = 120, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root, outside of all sessions; return it with all that it printed."""
        return subprocess.run(
            self.command(*words, **variables),
            input=text_in,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )

    def check(
        self, *words: object, text_in: str = "", seconds: float = 120, **variables: str
    ) -> str:
        """Run a command that must succeed; return what it printed.

        Raises:
            RuntimeError: it failed.
        """
        done = self.run(*words, text_in=text_in, seconds=seconds, **variables)
        if done.returncode:
            raise RuntimeError(f"`{' '.join(map(str, words))}` failed:\n{done.stdout[-3000:]}")
        return done.stdout

    def add_user(self, name: str, password: str, *groups: str) -> int:
        """Make a user with a home and a password; return the number."""
        more = ["--groups", ",".join(groups)] if groups else []
        self.check("useradd", "--create-home", "--shell", "/bin/bash", *more, name)
        self.check("chpasswd", text_in=f"{name}:{password}\n")
        return int(self.check("id", "-u", name))

    def power_off(self) -> None:
        """Shut down in order; where that takes too long, by force."""
        if self._leader:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._leader, _POWER_OFF)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_OFF_SECONDS)
        self._process.kill()
        self._process.wait()

    def _start(self) -> None:
        self._notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notified.bind(str(self._folder / "notify"))
        for name in ("upper", "work", "root"):
            (self._folder / name).mkdir(mode=0o755)
        settings = self._folder / "upper/etc"
        settings.mkdir(mode=0o755)
        (settings / "hostname").write_text("debian\n")
        (settings / "hosts").write_text("127.0.0.1 localhost debian\n")
        groups = " ".join(map(str, self._groups))
        options = [f"--bind-ro={path}:{name}" for name, path in self._binds.items()]
        options += [f"--bind={device}" for device in self.console.devices]
        words = ["sh", "-c", _BOOT, "sh", str(self._folder), str(self._tree), groups, *options]
        self._process = subprocess.Popen(
            [*_ENTER, "--pid", *words],
            env=os.environ | {"NOTIFY_SOCKET": str(self._folder / "notify")},
            **self.console.choose_streams(self._log),
        )

    def _wait_until_booted(self) -> None:
        end = time.monotonic() + _BOOT_SECONDS
        is_ready = False
        self._notified.settimeout(0.5)
        with self._notified:
            while not is_ready:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"the machine did not boot:\n{self._read_log()}")
                with contextlib.suppress(TimeoutError):
                    is_ready = b"READY=1" in self._notified.recv(4096).splitlines()
        nspawn = _find_child(self._process.pid)
        self._leader = _find_child(nspawn)
        state = self.run("systemctl", "is-system-running", "--wait").stdout.strip()
        if state != "running":
            failed = self.run("systemctl", "--failed", "--no-pager").stdout
            raise RuntimeError(f"the machine is {state}:\n{failed}")
        if self.console.drop_in:
            folder = self.root / f"run/systemd/system/{self.console.unit}.d"
            folder.mkdir(parents=True)
            (folder / "console.conf").write_text(self.console.drop_in)
            self.check("systemctl", "daemon-reload")
            self.console.clear()
        self.check("systemctl", "restart", self.console.unit)

    def _read_log(self) -> str:
        return self.console.read() + (self._folder / "log").read_text()[-3000:]


def _remove_rests() -> None:
    """Remove what machines left whose programs were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove_groups([root / folder.name for root in _find_roots()])
            shutil.rmtree(folder)


def _find_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@contextlib.contextmanager
def _make_groups(name: str) -> Iterator[list[Path]]:
    """Make cgroups of its own, since systemd takes those in which it starts for its own."""
    groups = [root / name for root in _find_roots()]
    for group in groups:
        group.mkdir()
    try:
        yield groups
    finally:
        _remove_groups(groups)


def _find_roots() -> list[Path]:
    """Return where cgroups are: one folder, or systemd's own and that of version 2."""
    cgroups = Path("/sys/fs/cgroup")
    folders = (cgroups / "systemd", cgroups / "unified", cgroups)
    return [folder for folder in folders if (folder / "cgroup.procs").exists()]


def _remove_groups(groups: list[Path]) -> None:
    for group in groups:
        with contextlib.suppress(OSError):  # version 1 has no such file
            (group / "cgroup.kill").write_text("1")
    for folder in (each[0] for group in groups for each in os.walk(group, topdown=False)):
        _remove_group(Path(folder))


def _remove_group(folder: Path) -> None:
    for _ in range(50):
        try:
            folder.rmdir()
        except OSError:  # its last processes end in a moment
            time.sleep(0.1)
        else:
            return
