"""Read what a peer asks the daemon for, and check its form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from onlyme.errors import UsageError
from onlyme.types import checked_name
from onlyme.unlock.client.asker import BY_GREETER
from onlyme.unlock.services import needs_intent

if TYPE_CHECKING:
    from onlyme.unlock.daemon.peer import Peer

    Document = dict[str, Any]

__all__ = ["MAX_ATTEMPT_SECONDS", "AttemptRequest", "parse_request", "read_ticket", "read_user"]

MAX_ATTEMPT_SECONDS = 10.0
"""The longest time that one attempt without a gesture may use the camera."""

_MAX_WORD = 64


class AttemptRequest(NamedTuple):
    """What a peer asks for.

    Attributes:
        user: whose face.
        service: of PAM.
        seconds: how long the answer may take.
        confirmed: whether the user pressed Enter.
        asker: who asks, as the helper judged.
        seat: where, as the helper judged.
        can_show: whether the helper can show a gesture.
    """

    user: str
    service: str
    seconds: float
    confirmed: bool
    asker: str
    seat: str
    can_show: bool

    def gives_rights(self, peer: Peer) -> bool:
        """Say whether a face would give rights that a program of the user could want."""
        return peer.is_root and self.asker != BY_GREETER and needs_intent(self.service)


def parse_request(document: Document) -> AttemptRequest:
    """Return a request.

    Raises:
        UsageError: it is malformed.
    """
    seconds = document.get("seconds", MAX_ATTEMPT_SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise UsageError("seconds must be a number above 0")
    return AttemptRequest(
        user=read_user(document),
        service=_read_word(document, "service", _MAX_WORD),
        seconds=min(float(seconds), MAX_ATTEMPT_SECONDS),
        confirmed=_read_flag(document, "confirmed"),
        asker=_read_word(document, "asker", _MAX_WORD),
        seat=_read_word(document, "seat", _MAX_WORD),
        can_show=_read_flag(document, "can_show"),
    )


def read_user(document: Document) -> str:
    """Return whose face or template it is about.

    Raises:
        UsageError: there is no name that could be one.
    """
    user = document.get("user")
    if not isinstance(user, str):
        raise UsageError("user must be the name of a user")
    return checked_name(user)


def read_ticket(document: Document) -> str | None:
    """Return the ticket of a request for a gesture that is shown now; None without one.

    Raises:
        UsageError: it is not a word.
    """
    return _read_word(document, "ticket", _MAX_WORD) if "ticket" in document else None


def _read_word(document: Document, key: str, max_length: int) -> str:
    word = document.get(key, "")
    if not isinstance(word, str) or len(word) > max_length or not word.isprintable():
        raise UsageError(f"{key} must be one line of at most {max_length} characters")
    return word


def _read_flag(document: Document, key: str) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        raise UsageError(f"{key} must be true or false")
    return value
