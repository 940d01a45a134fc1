"""Open a user's keyring in PAM's session phase, where the daemon releases its password.

The session begins in any case. If something goes wrong, the keyring stays closed, and asks.
"""

from __future__ import annotations

import os

from onlyme.unlock.services import ON_TERMINAL
from onlyme.unlock.transport import NoAnswer, ask

__all__ = ["SESSION_SECONDS", "open_keyring"]

SESSION_SECONDS = 10.0
"""How long a session waits at most for its keyring; usually it is less than a second."""

_ASK_SECONDS = 4.0
_OPEN_SECONDS = 5.0
_CLOSED = "your keyring stays closed"


def open_keyring(socket: str, user: str, service: str) -> tuple[bool, str]:
    """Ask the daemon for the password of a user's keyring, and open it as that user.

    Args:
        socket: where the daemon listens.
        user: who has logged in.
        service: of PAM.

    Returns:
        Whether there was nothing to do or it is open now, and a sentence for the user; empty where
        nothing need be said, or where the service would show it in a window that waits.
    """
    if os.geteuid() != 0:
        return False, ""
    opened, why = _open(socket, user, service)
    return opened, why if service in ON_TERMINAL else ""


def _open(socket: str, user: str, service: str) -> tuple[bool, str]:
    from onlyme.errors import OnlymeError
    from onlyme.unlock.keyring.change import find_account
    from onlyme.unlock.keyring.worker import find_bus, run_as

    question = {"user": user, "service": service}
    try:
        status, answer = ask(socket, "/v1/keyring", question, _ASK_SECONDS)
    except NoAnswer:
        return False, ""
    password = answer.get("password")
    if status == 200 and answer.get("on") is False:
        return True, ""
    if status != 200:
        return False, ""
    if not isinstance(password, str):
        return False, (
            f"{_CLOSED}: no gesture of your face was seen at this login; "
            "`onlyme unlock keyring open` opens it"
        )
    try:
        uid = find_account(user).pw_uid
        run_as(uid, "open", _OPEN_SECONDS, address=find_bus(uid), password=password)
    except OnlymeError as error:
        return False, f"{_CLOSED}: {error}"
    return True, ""
