"""Find out who asks PAM: a face opens only for the user to whom it belongs.

`su ada` asks for ada, and any user can start it. So the user whose face is asked for must be the
user who asks. That is the user of the process that started the program: the program itself may
have become root before it asks. All evidence must agree, and missing evidence is a no.
"""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

from onlyme.unlock.processes import read_file, read_stat, read_users
from onlyme.unlock.services import GREETERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

__all__ = ["BY_GREETER", "BY_OWNER", "Asker"]

BY_GREETER = "greeter"
"""A program that runs as root for a seat asks, such as a display manager."""

BY_OWNER = "owner"
"""The user whose face is asked for asks."""

_MAX_ANCESTORS = 64
_MAX_STARTERS = 4
_NO_LOGIN = 2**32 - 1  # what Linux writes for a process that belongs to no login


class Asker:
    """The program that asks PAM and the process that started it, held until the answer.

    The program can have been started by another one that is about to become root, as polkit's
    helper is by pkexec. Then these are held as well. The numbers of processes are used again;
    descriptors of the processes (pidfds) show that they are still the same ones.

    Args:
        environment: what PAM gave.
        pid: the program that asks PAM.
        proc: the folder that describes processes.
    """

    def __init__(self, environment: Mapping[str, str], pid: int, proc: str = "/proc") -> None:
        self._environment, self._pid, self._proc = environment, pid, proc
        self._held: list[int] = []

    def __enter__(self) -> Self:
        """Hold these processes."""
        try:
            for pid in (self._pid, *self._find_starters()):
                self._held.append(os.pidfd_open(pid))
        except OSError:  # it has ended, or this Linux is too old
            self.__exit__()
        return self

    def __exit__(self, *_: object) -> None:
        """Let them go."""
        while self._held:
            os.close(self._held.pop())

    def is_alive(self) -> bool:
        """Say whether the processes are held, and none of them has ended."""
        return len(self._held) > 1 and not select.select(self._held, [], [], 0)[0]

    @property
    def face(self) -> int | None:
        """The user whose face is asked for; None where the system knows no such user."""
        return _find_user(self._environment.get("PAM_USER", ""))

    def judge(self) -> str:
        """Return `BY_OWNER`, `BY_GREETER`, or an empty string: then the face is not looked for."""
        face = self.face
        verdict = "" if face is None else self._judge_user(face)
        return verdict if self.is_alive() else ""

    def _judge_user(self, face: int) -> str:
        stat, users = read_stat(self._pid, self._proc), read_users(self._pid, self._proc)
        if stat is None or users is None:
            return ""
        login = read_file(f"{self._proc}/{self._pid}/loginuid").decode(errors="replace").strip()
        if login and login not in {str(_NO_LOGIN), str(face)}:
            return ""
        if self._environment.get("PAM_SERVICE", "") in GREETERS and self._runs_for_seat():
            return BY_GREETER
        return BY_OWNER if self._is_owner(face, users[0], stat.started) else ""

    def _is_owner(self, face: int, own: int, started: int) -> bool:
        """Say whether the program's own user, its parent's and the one that it names agree."""
        if face == 0:
            return False  # root needs no face
        if os.geteuid() != 0:  # the program has no rights beyond those of its user
            return own == face == os.geteuid()
        named = self._environment.get("PAM_RUSER", "")
        if named and _find_user(named) != face:
            return False
        if own != face and (own != 0 or not named):
            return False  # sudo has become root, but it names the user; a parent alone can change
        for pid in self._find_starters():
            stat, users = read_stat(pid, self._proc), read_users(pid, self._proc)
            if stat is None or users is None or stat.started > started or users[0] != face:
                return False
            started = stat.started
            if users == (face,) * 4:
                return True
        return False

    def _find_starters(self) -> list[int]:
        """Return the process that started the program last; before it, programs in between.

        Those are root's by their rights, but not by who started them, as pkexec is.
        """
        found: list[int] = []
        stat = read_stat(self._pid, self._proc)
        while stat is not None and stat.parent > 0 and len(found) < _MAX_STARTERS:
            found.append(stat.parent)
            users = read_users(stat.parent, self._proc)
            if users is None or users[0] == 0 or users[1:] != (0, 0, 0):
                break
            stat = read_stat(stat.parent, self._proc)
        return found

    def _runs_for_seat(self) -> bool:
        """Say whether the program and all processes above it are root's, so no user started it."""
        pid = self._pid
        for _ in range(_MAX_ANCESTORS):
            stat = read_stat(pid, self._proc)
            if stat is None or read_users(pid, self._proc) != (0,) * 4:
                return False
            if stat.parent == 0 or pid == 1:
                return True
            pid = stat.parent
        return False


def _find_user(name: str) -> int | None:
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return None
