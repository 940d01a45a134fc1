"""Say in which services a face would open nothing, because no intent of the user works there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.unlock.services import needs_intent

if TYPE_CHECKING:
    from onlyme.settings import Settings

__all__ = ["ENTER_COST", "GESTURE_MISSING", "find_intent_problem"]

_NO_TERMINAL = frozenset(["polkit-1"])  # its agent shows a window

GESTURE_MISSING = (
    "a face opens only logins and screen lockers: other services, such as sudo, su and polkit-1, "
    "need a gesture before the camera, which is not available yet"
)

ENTER_COST = (
    'with `unlock_intent = "enter"` every program that runs as the user can type Enter on a '
    "terminal of its own, and so become root while the user sits before the camera"
)


def find_intent_problem(service: str, settings: Settings) -> str:
    """Say why a face would open nothing in a service; empty if an intent works there.

    Args:
        service: of PAM.
        settings: of the system.
    """
    if not needs_intent(service):
        return ""
    if settings.unlock_intent != "enter":
        return (
            f'{service}: {GESTURE_MISSING}; `unlock_intent = "enter"` in '
            f"/etc/onlyme/config.toml accepts Enter, but {ENTER_COST}"
        )
    if service in _NO_TERMINAL:
        return f"{service}: it has no terminal on which Enter could be asked for"
    return ""
