"""Show the command that asks for permission on its terminal, and wait for Enter.

PAM's helper has no terminal of its own. It uses the terminal of the process that asks PAM, as
the kernel knows it. The name that PAM gives counts only where it is that same terminal.
"""

from __future__ import annotations

import os
import select
import termios
import time

from onlyme.unlock.processes import read_file, read_stat

__all__ = ["ask_permission", "find_terminal", "read_command"]

_MAX_COMMAND_BYTES = 4096
_MAX_SHOWN_CHARACTERS = 200
_MAX_KEY_BYTES = 16  # one key press, such as an arrow key, can send several bytes
_PTY_MAJORS = range(136, 144)  # Linux's device numbers for /dev/pts


def find_terminal(pid: int, named: str, proc: str = "/proc") -> str | None:
    """Return the path of a process's terminal; None without one.

    Args:
        pid: the process that asks PAM.
        named: the terminal's name as PAM gives it; may be empty.
        proc: the folder that describes processes.
    """
    stat = read_stat(pid, proc)
    if stat is None or stat.terminal <= 0:
        return None
    number = (stat.terminal & 0xFF) | (stat.terminal >> 12 & 0xFFF00)
    major = stat.terminal >> 8 & 0xFFF
    known = f"/dev/pts/{number}" if major in _PTY_MAJORS else f"/dev/tty{number}"
    for path in (named if named.startswith("/") else f"/dev/{named}", known):
        try:
            if os.stat(path).st_rdev == os.makedev(major, number):  # noqa: PTH116 - pathlib takes 5 ms to load
                return path
        except (OSError, ValueError):
            continue
    return None


def read_command(pid: int, proc: str = "/proc") -> str:
    """Return the command line of a process to show: printable characters, of limited length."""
    content = read_file(f"{proc}/{pid}/cmdline", _MAX_COMMAND_BYTES)
    line = " ".join(content.rstrip(b"\0").decode(errors="replace").split("\0"))
    # A command must not be able to draw on the terminal.
    shown = "".join(character if character.isprintable() else "�" for character in line)
    if len(shown) <= _MAX_SHOWN_CHARACTERS:
        return shown
    return f"{shown[:_MAX_SHOWN_CHARACTERS]} … ({len(shown)} characters)"


def ask_permission(path: str, command: str, seconds: float) -> bool:
    """Show a command and wait for one key: Enter allows it, any other key means the password.

    Keys typed before the question do not count.

    Args:
        path: of the terminal.
        command: the command line to show.
        seconds: how long to wait.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _ask_key(handle, command, seconds)
    except (OSError, termios.error):
        return False
    finally:
        os.close(handle)


def _ask_key(handle: int, command: str, seconds: float) -> bool:
    before = termios.tcgetattr(handle)
    single = termios.tcgetattr(handle)
    # Ctrl-C is a key like any other here: it leads to the password prompt, and there it ends
    # the program.
    single[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
    single[6][termios.VMIN], single[6][termios.VTIME] = 0, 0
    try:
        termios.tcsetattr(handle, termios.TCSAFLUSH, single)
        question = f"onlyme: {command}\n  Enter allows it with your face, any other key: password "
        os.write(handle, question.encode())
        return _wait_for_enter(handle, time.monotonic() + seconds)
    finally:
        termios.tcsetattr(handle, termios.TCSANOW, before)
        os.write(handle, b"\n")


def _wait_for_enter(handle: int, deadline: float) -> bool:
    remaining = deadline - time.monotonic()
    if remaining <= 0 or not select.select([handle], [], [], remaining)[0]:
        return False
    return os.read(handle, _MAX_KEY_BYTES) in {b"\n", b"\r"}
