"""Say in which services a face would open nothing, because no intent of the user works there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.unlock.services import UNATTENDED, WITHOUT_TERMINAL, needs_intent

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.settings import Settings

__all__ = ["ENTER_COST", "GESTURE_COST", "find_intent_problem"]

ENTER_COST = (
    'with `unlock_intent = "enter"` every program that runs as the user can type Enter on a '
    "terminal of its own, and so become root while the user sits before the camera"
)

GESTURE_COST = (
    "a gesture before the camera is asked for; a program that runs as the user can hide a prompt "
    "or show a false one, so make the gesture only for a command that you have just typed"
)


def find_intent_problem(
    service: str, settings: Settings, can_notify: Callable[[], bool] = lambda: False
) -> str:
    """Say why a face would open nothing in a service; empty if an intent works there.

    Args:
        service: of PAM.
        settings: of the system.
        can_notify: says whether the user's desktop shows notifications.
    """
    if not needs_intent(service):
        return ""
    if service in UNATTENDED:
        return f"{service}: a daemon asks there, so that nothing can be shown to the user"
    if service not in WITHOUT_TERMINAL:
        return ""
    if settings.unlock_intent == "enter":
        return f"{service}: it has no terminal on which Enter could be asked for"
    if can_notify():
        return ""
    return (
        f"{service}: it has no terminal, and the user's desktop shows no notification, so that no "
        "gesture can be asked for"
    )
