"""Check a user's login password with the system's own helper.

The helper is pam_unix's `unix_chkpwd(8)`, which screen lockers use as well: it may read the
password's hash, so that onlyme does not have to.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from onlyme.errors import UsageError

__all__ = ["is_kept_here", "is_login_password"]

_HELPERS = ("/sbin/unix_chkpwd", "/usr/sbin/unix_chkpwd")
_HELPER_SECONDS = 10.0
_ACCOUNTS = Path("/etc/passwd")


def is_login_password(
    password: str, user: str | None = None, *, helpers: tuple[str, ...] = _HELPERS
) -> bool:
    """Say whether this is the login password of a user.

    Args:
        password: what was typed.
        user: whose password; by default the user who runs this program. Only root may ask
            about other users.
        helpers: where the system's helper may be.

    Raises:
        UsageError: this system has no such helper.
    """
    helper = next((path for path in helpers if Path(path).is_file()), None)
    if helper is None:
        raise UsageError("this system cannot check a password here; run the command as root")
    if user is None:
        import pwd

        user = pwd.getpwuid(os.getuid()).pw_name
    try:
        typed = password.encode()
    except UnicodeEncodeError:  # half a character (a surrogate), which no keyboard types
        return False
    if b"\0" in typed or user.startswith("-"):
        return False
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed program; the name is one of the system's
            [helper, user, "nonull"],
            input=typed + b"\0",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            timeout=_HELPER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def is_kept_here(user: str) -> bool:
    """Say whether this computer keeps the user's account itself, and no directory such as LDAP.

    A directory checks passwords itself: the system's helper refuses even the right one.
    """
    try:
        lines = _ACCOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return any(line.partition(":")[0] == user for line in lines)
