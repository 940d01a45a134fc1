"""Ask the daemon to change the system vault, or what the next login would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onlyme import errors
from onlyme.errors import OnlymeError, UsageError
from onlyme.unlock.transport import NoAnswer, ask

if TYPE_CHECKING:
    from onlyme.settings import Settings

__all__ = ["ask_status", "ask_test", "change"]

_CHANGE_SECONDS = 120.0  # enrolling looks at every photo
_STATUS_SECONDS = 5.0
_TEST_SECONDS = 8.0


def change(settings: Settings, what: str, user: str, **particulars: Any) -> dict[str, Any]:
    """Ask the daemon for one of the changes in `onlyme.unlock.daemon.changes.CHANGES`.

    Raises:
        OnlymeError: the same kind that the daemon raised; UsageError where it does not answer.
    """
    document = {key: value for key, value in particulars.items() if value is not None}
    return _ask_daemon(settings, what, {"user": user, **document}, _CHANGE_SECONDS)


def ask_status(settings: Settings, user: str, service: str = "") -> dict[str, Any]:
    """Ask the daemon what a user's next attempt would lead to.

    Returns:
        `ready`, `reason`, `message`, whether `confirm`ation is asked for, and the `camera`.

    Raises:
        UsageError: the daemon does not answer.
    """
    return _ask_daemon(settings, "status", {"user": user, "service": service}, _STATUS_SECONDS)


def ask_test(settings: Settings, user: str, seconds: float = _TEST_SECONDS) -> dict[str, Any]:
    """Ask the daemon for an attempt that opens nothing.

    Returns:
        The answer to an attempt, with `frames`, `frames_per_second` and `parts_ms`.

    Raises:
        UsageError: the daemon does not answer.
    """
    document = {"user": user, "seconds": seconds}
    return _ask_daemon(settings, "test", document, seconds + _STATUS_SECONDS)


def _ask_daemon(
    settings: Settings, route: str, document: dict[str, Any], seconds: float
) -> dict[str, Any]:
    try:
        code, answer = ask(str(settings.socket), f"/v1/{route}", document, seconds)
    except NoAnswer as error:
        raise UsageError(str(error)) from None
    if code == 200:
        return answer
    kind = getattr(errors, str(answer.get("error")), OnlymeError)
    if not (isinstance(kind, type) and issubclass(kind, OnlymeError)) or kind is errors.ImageError:
        kind = OnlymeError  # ImageError takes two arguments, and the answer holds one message
    raise kind(str(answer.get("message", f"error {code}")))
