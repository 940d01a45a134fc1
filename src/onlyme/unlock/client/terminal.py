"""A command that waits for permission comes in; whether its person pressed Enter goes out.

PAM's helper has no terminal of its own. It takes the one of the process that asks PAM, as
the kernel knows it: what PAM calls its terminal must be that one.
"""

from __future__ import annotations

import os
import select
import termios
import time

__all__ = ["ask_permission", "find_terminal", "read_command"]

_MAX_SHOWN_CHARACTERS = 200  # characters of a command that are shown


def find_terminal(pid: int, named: str, proc: str = "/proc") -> str | None:
    """Return the path of the terminal that a process sits at; None without one.

    Args:
        pid: the process that asks PAM.
        named: what PAM calls its terminal; may be empty.
        proc: where processes are described.
    """
    try:
        with open(f"{proc}/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib takes 5 ms to load
            device = int(file.read().rpartition(b")")[2].split()[4])
    except (OSError, ValueError, IndexError):
        return None
    if device <= 0:
        return None
    number = (device & 0xFF) | (device >> 12 & 0xFFF00)
    major = device >> 8 & 0xFFF
    known = f"/dev/pts/{number}" if 136 <= major <= 143 else f"/dev/tty{number}"
    for path in (named if named.startswith("/") else f"/dev/{named}", known):
        try:
            if os.stat(path).st_rdev == os.makedev(major, number):  # noqa: PTH116 - as above
                return path
        except (OSError, ValueError):
            continue
    return None


def read_command(pid: int, proc: str = "/proc") -> str:
    """Return the command line of a process, fit to be shown: printable, and of bounded length."""
    try:
        with open(f"{proc}/{pid}/cmdline", "rb") as file:  # noqa: PTH123 - as above
            words = file.read(4096).rstrip(b"\0").decode(errors="replace").split("\0")
    except OSError:
        return ""
    # Whoever wrote the command must not draw on the terminal with it.
    line = " ".join(words)
    shown = "".join(sign if sign.isprintable() else "�" for sign in line)
    return (
        shown
        if len(shown) <= _MAX_SHOWN_CHARACTERS
        else f"{shown[:_MAX_SHOWN_CHARACTERS]} … ({len(shown)} characters)"
    )


def ask_permission(path: str, what: str, seconds: float) -> bool:
    """Show a command, and wait for one key: Enter allows, any other is for the password.

    What was typed before it was shown does not count.

    Args:
        path: of the terminal.
        what: the command.
        seconds: how long to wait.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _ask_key(handle, what, seconds)
    except (OSError, termios.error):
        return False
    finally:
        os.close(handle)


def _ask_key(handle: int, what: str, seconds: float) -> bool:
    before = termios.tcgetattr(handle)
    single = termios.tcgetattr(handle)
    # Ctrl-C is a key like any other here: it goes on to the password, and ends that.
    single[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
    single[6][termios.VMIN], single[6][termios.VTIME] = 0, 0
    try:
        termios.tcsetattr(handle, termios.TCSAFLUSH, single)
        question = f"onlyme: {what}\n  Enter allows it with your face, any other key: password "
        os.write(handle, question.encode())
        return _wait_for_enter(handle, time.monotonic() + seconds)
    finally:
        termios.tcsetattr(handle, termios.TCSANOW, before)
        os.write(handle, b"\n")


def _wait_for_enter(handle: int, until: float) -> bool:
    left = until - time.monotonic()
    if left <= 0 or not select.select([handle], [], [], left)[0]:
        return False
    return os.read(handle, 16) in {b"\n", b"\r"}
