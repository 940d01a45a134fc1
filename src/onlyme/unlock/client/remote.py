"""The process that asks comes in; whether its person sits elsewhere goes out.

Whoever types over a network is not in front of this computer's camera, and somebody else
may be. Four signs are looked for; each of them alone is enough.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["is_remote"]

_VARIABLES = (b"SSH_CONNECTION=", b"SSH_CLIENT=", b"SSH_TTY=")
_SERVERS = {
    *("sshd", "sshd-session", "sshd-auth", "dropbear", "mosh-server", "telnetd", "in.telnetd"),
    *("xrdp", "xrdp-sesman", "Xvnc", "Xtigervnc", "x11vnc", "wayvnc", "et", "etterminal"),
}
_MAX_ANCESTORS = 64  # ancestors


def is_remote(
    environment: Mapping[str, str],
    pid: int,
    proc: str = "/proc",
    sessions: str = "/run/systemd/sessions",
) -> bool:
    """Say whether a request comes over a network.

    Args:
        environment: what PAM gave.
        pid: the process that asks PAM.
        proc: where processes are described.
        sessions: where logind describes sessions.
    """
    if environment.get("PAM_RHOST"):
        return True
    if any(variable.decode()[:-1] in environment for variable in _VARIABLES):
        return True
    if _session_is_remote(pid, proc, sessions):
        return True
    return any(_serves(ancestor, proc) for ancestor in _walk_ancestors(pid, proc))


def _serves(pid: int, proc: str) -> bool:
    """Say whether a process serves a remote session, or was started in one."""
    name = _read_file(f"{proc}/{pid}/comm").decode(errors="replace").strip()
    started_with = _read_file(f"{proc}/{pid}/environ").split(b"\0")
    return name in _SERVERS or any(line.startswith(_VARIABLES) for line in started_with)


def _session_is_remote(pid: int, proc: str, sessions: str) -> bool:
    """Ask logind's files: a process cannot leave its session, however it detaches."""
    for part in (
        _read_file(f"{proc}/{pid}/cgroup").decode(errors="replace").replace("\n", "/").split("/")
    ):
        if part.startswith("session-") and part.endswith(".scope"):
            session = part.removeprefix("session-").removesuffix(".scope")
            if session.isalnum() and b"\nREMOTE=1\n" in b"\n" + _read_file(f"{sessions}/{session}"):
                return True
    return False


def _walk_ancestors(pid: int, proc: str) -> Iterator[int]:
    for _ in range(_MAX_ANCESTORS):
        if pid <= 1:
            return
        yield pid
        # The name, in parentheses, may hold anything; what follows the last one does not.
        fields = _read_file(f"{proc}/{pid}/stat").rpartition(b")")[2].split()
        pid = int(fields[1]) if len(fields) > 1 else 0


def _read_file(path: str) -> bytes:
    """Return a file's content; nothing where it may not be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(handle, 2**20)
    except OSError:
        return b""
    finally:
        os.close(handle)
