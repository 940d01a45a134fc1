"""Find positive evidence that a request comes from this computer's own screen and keyboard.

Signs of a remote session can be missing: `systemd-run --user`, a tmux server, cron and nested
shells leave none. So a request counts as local only where something proves it: logind's record of
an active session at a seat; for a login, or without logind, a console of the kernel. The record
is read from the files that sd-login(3) reads.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from onlyme.unlock.client.asker import BY_GREETER
from onlyme.unlock.processes import read_file, read_stat

if TYPE_CHECKING:
    from collections.abc import Iterable

    Session = dict[str, str]

__all__ = ["AT_SEAT", "BESIDE_REMOTE", "find_seat"]

AT_SEAT = "local"
"""The request comes from this computer's seat."""

BESIDE_REMOTE = "beside_remote"
"""It seems to come from the seat, but the same user has a remote session as well."""

_CONSOLE_MAJOR = 4
_CONSOLES = range(1, 64)  # Linux's virtual consoles, /dev/tty1 to /dev/tty63
_MAX_SESSIONS = 4096
# A user can name cgroups within `user@….service`, but none above it.
_GROUP = re.compile(
    r"/user\.slice/user-(\d+)\.slice/(?:session-(\w+)\.scope|user@\1\.service)(?:/.*)?"
)


def find_seat(
    by: str, face: int, pid: int, proc: str = "/proc", sessions: str = "/run/systemd/sessions"
) -> str:
    """Return `AT_SEAT`, `BESIDE_REMOTE`, or an empty string where nothing proves a seat.

    Args:
        by: who asks, as `Asker.judge` says.
        face: the user whose face is asked for.
        pid: the program that asks PAM.
        proc: the folder that describes processes.
        sessions: the folder in which logind describes sessions.
    """
    stat = read_stat(pid, proc)
    if stat is None:
        return ""
    known = _read_sessions(sessions)
    if _is_console(stat.terminal) and (by == BY_GREETER or known is None):
        return AT_SEAT
    if known is None:
        return ""
    if by == BY_GREETER:
        # A login on a serial line has a terminal; a display manager has none, or a console.
        return AT_SEAT if stat.terminal == 0 and _is_greeter_shown(known.values(), face) else ""
    # On a console, too: its session can be in the background, and the user elsewhere as well.
    own = [session for session in known.values() if session.get("UID") == str(face)]
    if not any(map(_is_at_seat, own)) or not _belongs_to(pid, face, known, proc):
        return ""
    return BESIDE_REMOTE if any(map(_is_remote, own)) else AT_SEAT


def _is_console(terminal: int) -> bool:
    number = (terminal & 0xFF) | (terminal >> 12 & 0xFFF00)
    return terminal >> 8 & 0xFFF == _CONSOLE_MAJOR and number in _CONSOLES


def _is_greeter_shown(sessions: Iterable[Session], face: int) -> bool:
    """Say whether a seat shows a greeter, or the user's own locked session."""
    greeters = [session for session in sessions if session.get("CLASS") == "greeter"]
    if any(_is_remote(session) or not session.get("SEAT") for session in greeters):
        return False  # a display manager also serves remote screens
    own = (session for session in sessions if session.get("UID") == str(face))
    return any(map(_is_at_seat, [*greeters, *own]))


def _belongs_to(pid: int, face: int, sessions: dict[str, Session], proc: str) -> bool:
    """Say whether a process belongs to the user's manager, or to a session of theirs at a seat."""
    for line in read_file(f"{proc}/{pid}/cgroup").decode(errors="replace").splitlines():
        _, _, rest = line.partition(":")
        kind, _, path = rest.partition(":")
        found = _GROUP.fullmatch(path) if kind in {"", "name=systemd"} else None
        if found is None or found[1] != str(face):
            continue
        session = sessions.get(found[2]) if found[2] else None
        if found[2] is None or (session and session.get("UID") == found[1] and _sits(session)):
            return True
    return False


def _is_at_seat(session: Session) -> bool:
    return _sits(session) and session.get("ACTIVE") == "1"


def _sits(session: Session) -> bool:
    return bool(session.get("SEAT")) and session.get("REMOTE") == "0"


def _is_remote(session: Session) -> bool:
    return session.get("REMOTE") != "0"


def _read_sessions(folder: str) -> dict[str, Session] | None:
    """Return logind's sessions by their names; None without logind."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - pathlib takes 5 ms to load
    except FileNotFoundError:
        return None
    except OSError:
        return {}
    if len(names) > _MAX_SESSIONS:
        return {}  # a remote one could be among those that are not read
    return {name: _read_session(f"{folder}/{name}") for name in names if name.isalnum()}


def _read_session(path: str) -> Session:
    lines = read_file(path).decode(errors="replace").splitlines()
    return {key: value for key, _, value in (line.partition("=") for line in lines)}
