"""Start, stop and restart the daemon through systemd, where systemd runs the computer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from onlyme.errors import UsageError

__all__ = [
    "UNITS_FOLDERS",
    "add_member",
    "find_other",
    "has_systemd",
    "make_group",
    "remove_members",
    "remove_units",
    "restart_daemon",
    "start_daemon",
    "stop_daemon",
]

_UNITS = ("onlyme.socket", "onlyme.service")
_OWN_UNITS = "/etc/systemd/system"
"""Here systemd reads a unit first: one of an earlier installation hides that of a package."""

UNITS_FOLDERS = (_OWN_UNITS, "/lib/systemd/system", "/usr/lib/systemd/system")
_GROUP = "onlyme"
_SECONDS = 90


def has_systemd() -> bool:
    """Say whether systemd is this computer's first process."""
    return Path("/run/systemd/system").is_dir() and shutil.which("systemctl") is not None


def make_group() -> None:
    """Make the group whose members may ask the daemon about themselves.

    Raises:
        UsageError: it cannot be made.
    """
    import grp

    try:
        grp.getgrnam(_GROUP)
    except KeyError:
        _run("groupadd", "--system", "--force", _GROUP)


def add_member(user: str) -> bool:
    """Put a user into the group, as screen lockers that run as the user need it.

    Returns:
        Whether the user was not in it before; it counts from the next login on.

    Raises:
        UsageError: the group cannot be changed.
    """
    import grp

    if user in grp.getgrnam(_GROUP).gr_mem:
        return False
    _run("usermod", "--append", "--groups", _GROUP, user)
    return True


def remove_members() -> None:
    """Take all users out of the group.

    Raises:
        UsageError: the group cannot be changed.
    """
    import grp

    try:
        members = grp.getgrnam(_GROUP).gr_mem
    except KeyError:
        return
    for user in members:
        _run("gpasswd", "--delete", user, _GROUP)


def find_other(command: Path, folder: Path = Path(_OWN_UNITS)) -> str:
    """Return the command of another installation whose unit hides that of a package.

    Args:
        command: this installation's command `onlyme`.
        folder: where systemd reads a unit first.

    Returns:
        The other installation's command; empty without one.
    """
    try:
        lines = (folder / _UNITS[1]).read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return ""
    for line in lines:
        words = line.removeprefix("ExecStart=").split()
        is_ours = line.startswith("ExecStart=") and words[1:] == ["daemon"]
        if is_ours and Path(words[0]).resolve() != command.resolve():
            return words[0]
    return ""


def remove_units() -> None:
    """Stop the daemon of another installation, and remove its units.

    Raises:
        UsageError: systemd does not run here, or could not stop it.
    """
    stop_daemon()
    for name in _UNITS:
        (Path(_OWN_UNITS) / name).unlink(missing_ok=True)
    _run("systemctl", "daemon-reload")


def start_daemon() -> None:
    """Start the daemon now and at every boot.

    Raises:
        UsageError: systemd does not run here, or could not start it; the message says why.
    """
    _require_systemd()
    _run("systemctl", "daemon-reload")
    _run("systemctl", "enable", "--now", *_UNITS)


def stop_daemon() -> None:
    """Stop the daemon, and do not start it at boot.

    Raises:
        UsageError: systemd does not run here, or could not stop it.
    """
    _require_systemd()
    _run("systemctl", "disable", "--now", *reversed(_UNITS))


def restart_daemon() -> bool:
    """Start the daemon again if it runs, so that it reads the settings; say whether it did.

    Raises:
        UsageError: systemd could not start it again; the message says why.
    """
    if not has_systemd() or not _is_active():
        return False
    _run("systemctl", "restart", _UNITS[1])
    return True


def _is_active() -> bool:
    words = ["systemctl", "is-active", "--quiet", _UNITS[1]]
    return subprocess.run(words, check=False, timeout=_SECONDS).returncode == 0  # noqa: S603 - words of this module


def _require_systemd() -> None:
    if not has_systemd():
        raise UsageError("systemd does not run this computer; start `onlyme daemon` as root")


def _run(*words: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - words of this module
            words, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"`{' '.join(words)}` failed: {error}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-500:]
        raise UsageError(f"`{' '.join(words)}` failed: {said}; see `journalctl -u onlyme`")
