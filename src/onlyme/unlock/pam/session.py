"""Plan the line that opens a user's keyring in the session phase of greeters.

It goes behind the session rules that are there, pam_systemd's among them: before that, the user has
no bus. Its answer changes nothing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from onlyme.errors import PamError
from onlyme.unlock.pam.install import FileChange, find_origin
from onlyme.unlock.pam.program import starts_helper
from onlyme.unlock.pam.rules import PamLines, is_our_session_line, place_session_line
from onlyme.unlock.pam.stack import flatten_rules, parse_rules
from onlyme.unlock.services import BY_MESSAGE, GREETERS, ON_TERMINAL

if TYPE_CHECKING:
    from onlyme.unlock.pam.folders import PamFolders
    from onlyme.unlock.pam.stack import Rule

__all__ = ["SHOWING", "list_services", "plan_all", "plan_session"]

SHOWING = GREETERS & (ON_TERMINAL | BY_MESSAGE)
"""Greeters that can show the gesture without which nothing is released."""


def plan_session(folders: PamFolders, service: str, command: tuple[str, ...] | None) -> FileChange:
    """Plan to put our session line into a greeter's file, or to take it out.

    Args:
        folders: where PAM's files are.
        service: the greeter.
        command: the helper's; None takes the line out.

    Raises:
        PamError: it may not be put there; the message says why.
    """
    if command is not None:
        if service not in SHOWING:
            names = ", ".join(sorted(SHOWING))
            raise PamError(f"{service} cannot show the gesture that this needs; {names} can")
        PamLines(command)  # refuses what a PAM file cannot hold
    path = folders.find_own(service)
    old = folders.read(service)
    text = place_session_line(old, None, 0)
    ends = [rule.end - 1 for rule in parse_rules(text, service) if _is_session(rule)]
    if not ends:
        raise PamError(f"{service}: it has no session rules of its own; nothing was changed")
    new = place_session_line(text, command, max(ends))
    return FileChange(path, old, new, (service,), origin=find_origin(folders, path))


def plan_all(folders: PamFolders, command: tuple[str, ...] | None) -> list[FileChange]:
    """Plan our session line for every greeter that looks for a face and can show a gesture.

    Args:
        folders: where PAM's files are.
        command: the helper's; None takes the line out of every file that has it.

    Raises:
        PamError: a file is not understood.
    """
    if command is None:
        return [plan_session(folders, name, None) for name in list_services(folders)]
    changes = dict[str, FileChange]()

    def read(name: str) -> str:
        return changes[name].new if name in changes else folders.read(name)

    # One of them may include another's file, as Debian's greetd does with that of login.
    for service in sorted(SHOWING & {*folders.list_services()}, key=["login"].__contains__)[::-1]:
        looks = any(starts_helper(step.rule) for step in flatten_rules(read, service, "auth"))
        steps = flatten_rules(read, service, "session")
        if looks and not any(step.file != service and starts_helper(step.rule) for step in steps):
            changes[service] = plan_session(folders, service, command)
    return list(changes.values())


def list_services(folders: PamFolders) -> list[str]:
    """List the services whose own files hold our session line."""
    found = []
    for service in folders.list_services():
        with suppress(PamError):
            if any(map(is_our_session_line, folders.read(service).split("\n"))):
                found.append(service)
    return found


def _is_session(rule: Rule) -> bool:
    return rule.kind == "session" or rule.control == "@include"
