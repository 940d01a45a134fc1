"""Say whether the process that asks PAM serves a remote user.

A remote user does not sit at this computer's camera; another person may. Four signs are
checked, and each of them alone is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.unlock.processes import read_file, read_stat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["is_remote"]

_VARIABLES = (b"SSH_CONNECTION=", b"SSH_CLIENT=", b"SSH_TTY=")
_SERVERS = {
    *("sshd", "sshd-session", "sshd-auth", "dropbear", "mosh-server", "telnetd", "in.telnetd"),
    *("xrdp", "xrdp-sesman", "Xvnc", "Xtigervnc", "x11vnc", "wayvnc", "et", "etterminal"),
}
_MAX_ANCESTORS = 64


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
        proc: the folder that describes processes.
        sessions: the folder in which logind describes sessions.
    """
    if environment.get("PAM_RHOST"):
        return True
    if any(variable.decode()[:-1] in environment for variable in _VARIABLES):
        return True
    if _is_session_remote(pid, proc, sessions):
        return True
    return any(_serves_remotely(ancestor, proc) for ancestor in _walk_ancestors(pid, proc))


def _serves_remotely(pid: int, proc: str) -> bool:
    """Say whether a process serves a remote session, or was started in one."""
    name = read_file(f"{proc}/{pid}/comm").decode(errors="replace").strip()
    variables = read_file(f"{proc}/{pid}/environ").split(b"\0")
    return name in _SERVERS or any(line.startswith(_VARIABLES) for line in variables)


def _is_session_remote(pid: int, proc: str, sessions: str) -> bool:
    """Read logind's files: a process cannot leave its session, even when it detaches."""
    cgroup = read_file(f"{proc}/{pid}/cgroup").decode(errors="replace")
    for part in cgroup.replace("\n", "/").split("/"):
        if part.startswith("session-") and part.endswith(".scope"):
            session = part.removeprefix("session-").removesuffix(".scope")
            if session.isalnum() and b"\nREMOTE=1\n" in b"\n" + read_file(f"{sessions}/{session}"):
                return True
    return False


def _walk_ancestors(pid: int, proc: str) -> Iterator[int]:
    for _ in range(_MAX_ANCESTORS):
        if pid <= 1:
            return
        yield pid
        stat = read_stat(pid, proc)
        pid = stat.parent if stat else 0
