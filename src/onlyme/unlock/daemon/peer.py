"""Who is at the other end of the socket, as the kernel says, and whom they may ask about."""

from __future__ import annotations

import pwd
from pathlib import Path
from typing import NamedTuple

__all__ = ["Application", "Peer"]


class Application(NamedTuple):
    """The program that asks PAM, such as one run of `sudo`.

    Attributes:
        pid: its process.
        started: in clock ticks since boot: with `pid`, no other process is the same.
    """

    pid: int
    started: int


class Peer(NamedTuple):
    """A process at the other end.

    Attributes:
        pid: of the process; 0 where it is out of sight.
        uid: its user.
        gid: its group.
    """

    pid: int
    uid: int
    gid: int

    @property
    def is_root(self) -> bool:
        """Whether it is root's, as PAM's helper is in `sudo` and at the login."""
        return self.uid == 0

    def may_ask_for(self, user: str) -> bool:
        """Whether it may ask about a user: root about everybody, others about themselves."""
        if self.is_root:
            return True
        try:
            return pwd.getpwuid(self.uid).pw_name == user
        except KeyError:
            return False

    def application(self, proc: Path = Path("/proc")) -> Application | None:
        """Return the program that started it; None if that is out of sight.

        Args:
            proc: where processes are described.
        """
        try:
            parent = int(_fields(proc, self.pid)[1])
            return Application(parent, int(_fields(proc, parent)[19])) if parent > 1 else None
        except (OSError, ValueError, IndexError):
            return None


def _fields(proc: Path, pid: int) -> list[str]:
    """Return what follows a process's name in its `stat`: its state, its parent and so on."""
    return (proc / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
