"""A password comes in; whether it is a user's login password goes out.

The system's own helper answers, the one that screen lockers ask (pam_unix,
`unix_chkpwd(8)`): it may read the password's hash, and nobody else needs to.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

from onlyme.errors import UsageError

__all__ = ["is_login_password"]

_HELPERS = ("/sbin/unix_chkpwd", "/usr/sbin/unix_chkpwd")
_HELPER_SECONDS = 10.0


def is_login_password(
    password: str, helpers: tuple[str, ...] = _HELPERS, *, user: str | None = None
) -> bool:
    """Ask whether this is the login password of the user who runs this program.

    Args:
        password: what was typed.
        user: whose it should be; only root may ask about others.
        helpers: where the system's helper may be.

    Raises:
        UsageError: this system has no such helper.
    """
    helper = next((path for path in helpers if Path(path).is_file()), None)
    if helper is None:
        raise UsageError("this system cannot check a password here; run the command as root")
    user = user or pwd.getpwuid(os.getuid()).pw_name
    try:
        typed = password.encode()
    except UnicodeEncodeError:  # half of a character, which no keyboard makes
        return False
    if b"\0" in typed or user.startswith("-"):
        return False
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed program; the name is the system's own
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
