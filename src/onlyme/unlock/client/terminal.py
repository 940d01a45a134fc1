"""Show on its terminal which command asks for permission, and wait for a key there.

PAM's helper has no terminal of its own. It uses the terminal of the process that asks PAM, as
the kernel knows it. The name that PAM gives counts only where it is that same terminal.
"""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, Any

from onlyme.unlock.client.harmless import make_harmless
from onlyme.unlock.processes import read_file, read_stat

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["Prompt", "find_terminal", "read_command"]

_MAX_COMMAND_BYTES = 4096
_MAX_SHOWN_CHARACTERS = 200
_MAX_KEY_BYTES = 16  # one key press, such as an arrow key, can send several bytes
_PTY_MAJORS = range(136, 144)  # Linux's device numbers for /dev/pts
_USUAL_COLUMNS, _LEAST_COLUMNS = 80, 40


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
    """Return the command line of a process as one harmless line of limited length.

    The program's name comes from the kernel, since a program can be started under any name.

    Args:
        pid: of the process.
        proc: the folder that describes processes.
    """
    content = read_file(f"{proc}/{pid}/cmdline", _MAX_COMMAND_BYTES).rstrip(b"\0")
    words = content.decode(errors="replace").split("\0")
    try:
        target = os.readlink(f"{proc}/{pid}/exe")  # noqa: PTH115 - pathlib takes 5 ms to load
    except OSError:
        target = ""
    program = target.removesuffix(" (deleted)").rpartition("/")[2]
    if program and words[0].rpartition("/")[2].lstrip("-") != program:
        words[0] = program  # it was started under another name, which could say anything
    shown = make_harmless(" ".join(words))
    if len(shown) <= _MAX_SHOWN_CHARACTERS:
        return shown
    return f"{shown[:_MAX_SHOWN_CHARACTERS]} … ({len(shown)} characters)"


class Prompt:
    """A question on a terminal, as a context manager. Keys typed before it do not count.

    While it is open, keys are not shown: some users begin to type their password at once. The
    terminal's own keys, such as Ctrl-C, are keys like any other: they lead to the password prompt,
    and there they end the program.

    Args:
        path: of the terminal.

    Raises:
        OSError: on entering and on writing, where the terminal cannot be used.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._handle = -1
        self._before: Any = None  # what termios returned

    def __enter__(self) -> Self:
        """Open the terminal, and drop what was typed before."""
        import termios

        self._handle = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            self._before = termios.tcgetattr(self._handle)
            single = termios.tcgetattr(self._handle)
            single[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
            single[6][termios.VMIN], single[6][termios.VTIME] = 0, 0
            termios.tcsetattr(self._handle, termios.TCSAFLUSH, single)
        except termios.error as error:
            os.close(self._handle)
            raise OSError(*error.args) from None
        except OSError:
            os.close(self._handle)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal back as it was."""
        import termios

        try:
            termios.tcsetattr(self._handle, termios.TCSANOW, self._before)
            os.write(self._handle, b"\n")
        except (OSError, termios.error):  # the terminal is gone
            pass
        finally:
            os.close(self._handle)

    def fileno(self) -> int:
        """Return the terminal's descriptor: it is readable once a key was pressed."""
        return self._handle

    @property
    def columns(self) -> int:
        """How many columns the terminal has, as far as is known."""
        try:
            columns = os.get_terminal_size(self._handle).columns
        except OSError:
            columns = 0
        return max(columns or _USUAL_COLUMNS, _LEAST_COLUMNS)

    def write(self, text: str) -> None:
        """Show text; it must not hold characters that come from elsewhere and could draw."""
        os.write(self._handle, text.encode(errors="replace"))

    def wait_for_enter(self, seconds: float) -> bool:
        """Wait for one key; return whether it is Enter."""
        if not select.select([self._handle], [], [], max(0.0, seconds))[0]:
            return False
        return os.read(self._handle, _MAX_KEY_BYTES) in {b"\n", b"\r"}
