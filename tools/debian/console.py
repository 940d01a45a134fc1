"""Type on a machine's console and read its screen.

Where no program uses this computer's screen, the console is one of the kernel's own virtual
consoles: for the kernel and for logind a login there is one at a desk. Elsewhere it is a
pseudo-terminal, and logind is told that it belongs to a seat without a screen.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Console", "PtyConsole", "VirtualConsole", "find_screen_problem"]

# From linux/vt.h, linux/kd.h and asm-generic/ioctls.h.
_VT_OPENQRY, _VT_GETSTATE, _VT_ACTIVATE, _VT_WAITACTIVE = 0x5600, 0x5603, 0x5606, 0x5607
_VT_DISALLOCATE, _KDGETMODE, _TIOCSTI = 0x5608, 0x4B3B, 0x5412

_LOST_SECONDS = 10  # after which keys that had no effect are pressed again
_LOCK = Path("/run/lock/onlyme-screen")  # one machine at a time has the screen


def find_screen_problem() -> str:
    """Say why no machine can have this computer's screen now; empty if one can."""
    try:
        with _LOCK.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "another machine has this computer's screen"
    try:
        with _open_screen() as screen:
            mode = struct.unpack("i", fcntl.ioctl(screen, _KDGETMODE, bytes(4)))[0]
    except OSError:
        return "this computer has no virtual console"
    for name in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            fields = (name.parent / "stat").read_text().rpartition(")")[2].split()
            is_console = int(fields[4]) >> 8 == 4 and 0 < int(fields[4]) & 0xFF < 64
            # The programs of a machine that is shutting down do not count.
            if is_console and not _is_contained(name.parent) and "getty" not in name.read_text():
                return f"this computer's screen is in use by {name.read_text().strip()}"
    return "this computer's screen is in use" if mode else ""


class Console(ABC):
    """A machine's keyboard and screen.

    Attributes:
        devices: what the machine must be given for it.
        unit: the machine's unit that asks for a login on it.
        drop_in: what that unit needs in addition.
    """

    devices: tuple[str, ...] = ()
    unit: str
    drop_in = ""
    _count = 0

    @abstractmethod
    def type(self, text: str) -> None:
        """Press keys."""

    @abstractmethod
    def read(self) -> str:
        """Return what can be seen, with runs of spaces and line ends as one space."""

    @abstractmethod
    def clear(self) -> None:
        """Forget what can be seen."""

    @abstractmethod
    def choose_streams(self, log: IO[str]) -> dict[str, Any]:
        """Return the standard streams with which a machine starts."""

    def read_until(self, words: str, seconds: float = 60) -> str:
        """Wait until words can be seen; return all that is seen then."""
        end = time.monotonic() + seconds
        while words not in (seen := self.read()):
            if time.monotonic() > end:
                raise AssertionError(f"{words!r} was not seen in {seen!r}")
            time.sleep(0.05)
        return seen

    def run(self, command: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Type a command at a shell's prompt; return it with what is seen when it has ended."""
        self._count += 1
        mark = f"end-{self._count}"
        self.type(f"clear; {command}; echo {mark}=$?=\n")
        end = time.monotonic() + seconds
        while not (found := re.search(rf"(.*?) ?{mark}=(\d+)=", seen := self.read())):
            if time.monotonic() > end:
                raise AssertionError(f"{command!r} did not end: {seen!r}")
            time.sleep(0.05)
        return subprocess.CompletedProcess(command, int(found[2]), found[1].strip())

    def answer(self, prompt: str, text: str, words: str, seconds: float = 60) -> str:
        """Type a password at a prompt until other words can be seen; return what is seen then.

        Keys that are pressed as the prompt appears are lost: then they are pressed again.
        """
        self.read_until(prompt, seconds)
        end = time.monotonic() + seconds
        while True:
            self.type(f"{text}\n")
            left = end - time.monotonic()
            with contextlib.suppress(*[AssertionError] if left > _LOST_SECONDS else []):
                return self.read_until(words, min(left, _LOST_SECONDS))

    def log_in(self, name: str, password: str | None, words: str = "$") -> str:
        """Log in at the prompt; without a password, wait for what opens without one."""
        self.read_until("login:")
        self.clear()
        self.type(f"{name}\n")
        if password is None:
            return self.read_until(words)
        return self.answer("assword:", password, words)


class VirtualConsole(Console):
    """One of the kernel's virtual consoles, in the foreground until the end of the block."""

    def __enter__(self) -> Self:
        """Take a console that no program uses, and show it."""
        with contextlib.ExitStack() as stack:
            lock = stack.enter_context(_LOCK.open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            screen = stack.enter_context(_open_screen())
            before = struct.unpack("3H", fcntl.ioctl(screen, _VT_GETSTATE, bytes(6)))[0]
            self.number: int = struct.unpack("i", fcntl.ioctl(screen, _VT_OPENQRY, bytes(4)))[0]
            self.devices = ("/dev/tty0", f"/dev/tty{self.number}")
            self.unit = f"getty@tty{self.number}.service"
            stack.callback(self._hide, screen, before)
            _show(screen, self.number)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Show again what was shown before."""
        self._stack.close()

    def _hide(self, screen: int, before: int) -> None:
        _show(screen, before)
        with contextlib.suppress(OSError):  # a program of the machine has not ended yet
            fcntl.ioctl(screen, _VT_DISALLOCATE, self.number)

    def show(self, number: int | None = None) -> None:
        """Bring this console, or another one, to the foreground."""
        with _open_screen() as screen:
            _show(screen, self.number if number is None else number)

    def type(self, text: str) -> None:
        """Press keys."""
        with self._open() as terminal:
            for character in text:
                fcntl.ioctl(terminal, _TIOCSTI, character.encode())

    def read(self) -> str:
        """Return what can be seen, with runs of spaces and line ends as one space."""
        cells = Path(f"/dev/vcsu{self.number}").read_bytes()  # UTF-32, without line ends
        return re.sub(r"\s+", " ", cells.decode("utf-32-le", "replace").replace("\0", " "))

    def clear(self) -> None:
        """Forget what can be seen."""
        with self._open() as terminal:
            os.write(terminal, b"\033[2J\033[H")

    def choose_streams(self, log: IO[str]) -> dict[str, Any]:
        """Return the standard streams with which a machine starts."""
        return {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        # Opened each time, since a login hangs up what was open before.
        with _opened(f"/dev/tty{self.number}") as terminal:
            yield terminal


class PtyConsole(Console):
    """A pseudo-terminal, which is the machine's /dev/console."""

    unit = "console-getty.service"
    drop_in = "[Service]\nEnvironment=XDG_SEAT=seat0\n"  # a seat without a screen

    def __enter__(self) -> Self:
        """Make it."""
        self._ours, self._theirs = os.openpty()
        self._seen = ""
        self._reader = threading.Thread(target=self._read_all, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        os.close(self._theirs)
        self._reader.join(10)
        os.close(self._ours)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    def read(self) -> str:
        """Return what can be seen, with runs of spaces and line ends as one space."""
        plain = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78c])", "", self._seen)
        return re.sub(r"\s+", " ", plain)

    def clear(self) -> None:
        """Forget what can be seen."""
        self._seen = ""

    def choose_streams(self, log: IO[str]) -> dict[str, Any]:
        """Return the standard streams with which a machine starts."""
        return {"stdin": self._theirs, "stdout": self._theirs, "stderr": log}

    def _read_all(self) -> None:
        with contextlib.suppress(OSError):  # all others have closed it
            while content := os.read(self._ours, 4096):
                self._seen += content.decode(errors="replace")


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _open_screen() -> contextlib.AbstractContextManager[int]:
    return _opened("/dev/tty0")


def _show(screen: int, number: int) -> None:
    fcntl.ioctl(screen, _VT_ACTIVATE, number)
    fcntl.ioctl(screen, _VT_WAITACTIVE, number)


def _is_contained(process: Path) -> bool:
    return (process / "ns/pid").readlink() != Path("/proc/self/ns/pid").readlink()
