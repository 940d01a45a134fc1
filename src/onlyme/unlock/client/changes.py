"""A change of the system vault comes in; the daemon makes it; its answer goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onlyme import errors
from onlyme.errors import OnlymeError, UsageError
from onlyme.unlock.transport import NoAnswer, ask

if TYPE_CHECKING:
    from onlyme.settings import Settings

__all__ = ["ask_status", "change"]

_CHANGE_SECONDS = 120.0  # enrolling looks at every photo


def change(settings: Settings, what: str, user: str, **particulars: Any) -> dict[str, Any]:
    """Ask the daemon for a change; see `Desk.change` for what there is.

    Raises:
        OnlymeError: what the daemon raised, or UsageError where it does not answer.
    """
    document = {key: value for key, value in particulars.items() if value is not None}
    return _ask_daemon(settings, what, {"user": user, **document}, _CHANGE_SECONDS)


def ask_status(settings: Settings, user: str, service: str = "") -> dict[str, Any]:
    """Ask the daemon what the next attempt of a user would come to.

    Returns:
        `ready`, `reason`, `message`, whether `confirm`ation is asked for, and the `camera`.

    Raises:
        UsageError: the daemon does not answer.
    """
    return _ask_daemon(settings, "status", {"user": user, "service": service}, 5.0)


def _ask_daemon(
    settings: Settings, route: str, document: dict[str, Any], seconds: float
) -> dict[str, Any]:
    try:
        code, answer = ask(str(settings.socket), f"/v1/{route}", document, seconds)
    except NoAnswer as error:
        raise UsageError(f"the daemon does not help: {error}") from None
    if code == 200:
        return answer
    kind = getattr(errors, str(answer.get("error")), OnlymeError)
    if not (isinstance(kind, type) and issubclass(kind, OnlymeError)) or kind is errors.ImageError:
        kind = OnlymeError
    raise kind(str(answer.get("message", f"error {code}")))
