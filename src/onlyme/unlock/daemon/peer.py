"""Know who is at the other end of the socket, as the kernel says, and whom they may ask about."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from onlyme.unlock.processes import read_stat

__all__ = ["Application", "Peer"]


class Application(NamedTuple):
    """The program that asks PAM, such as one run of `sudo`.

    Attributes:
        pid: number of its process.
        started: when it started, in clock ticks since boot. Both together name one process.
    """

    pid: int
    started: int

    @property
    def age_seconds(self) -> float:
        """Seconds since it started."""
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        return now - self.started / os.sysconf("SC_CLK_TCK")


class Peer(NamedTuple):
    """The process at the other end of a connection.

    Attributes:
        pid: number of the process; 0 where the daemon cannot see it.
        uid: its user.
        gid: its group.
    """

    pid: int
    uid: int
    gid: int

    @property
    def is_root(self) -> bool:
        """Whether root runs it, as with PAM's helper in `sudo` and at the login."""
        return self.uid == 0

    def may_ask_for(self, user: str) -> bool:
        """Whether it may ask about a user: root about every user, others about themselves."""
        import pwd

        if self.is_root:
            return True
        try:
            return pwd.getpwuid(self.uid).pw_name == user
        except KeyError:
            return False

    def application(self, proc: str = "/proc") -> Application | None:
        """Return the program that started it; None if the daemon cannot see that.

        Args:
            proc: the folder that describes processes.
        """
        helper = read_stat(self.pid, proc)
        if helper is None or helper.parent <= 1:
            return None
        program = read_stat(helper.parent, proc)
        return Application(helper.parent, program.started) if program else None
