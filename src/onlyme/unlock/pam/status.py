"""A service comes in; whether our lines are in it, and what its next login does, goes out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onlyme.errors import PamError, UsageError
from onlyme.unlock.client.changes import ask_status
from onlyme.unlock.pam import backup
from onlyme.unlock.pam.install import list_installed
from onlyme.unlock.pam.placement import check_rules, place_lines
from onlyme.unlock.pam.program import NAME
from onlyme.unlock.pam.rules import PamLines, find_lines
from onlyme.unlock.pam.stack import flatten_rules, parse_rules

if TYPE_CHECKING:
    from onlyme.settings import Settings
    from onlyme.unlock.pam.folders import PamFolders

__all__ = ["InstallState", "PamServiceStatus", "list_known", "predict_login", "read_status"]

_OPTIONS = {"quiet", "stdout", "seteuid"}


class InstallState(StrEnum):
    """Whether our lines are where they should be."""

    INSTALLED = "installed"
    ALTERED = "altered"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class PamServiceStatus:
    """What its file says of a service.

    Attributes:
        name: of the service.
        state: whether our lines are there, as `install` would put them.
        detail: who put them there, or what is wrong with them, in words.
    """

    name: str
    state: InstallState
    detail: str


def list_known(places: PamFolders) -> list[str]:
    """Name the services that have our lines, had them, or get them from pam-auth-update."""
    names = {*list_installed(places), *backup.list_backups(places.state)}
    return sorted(names | {name for name in places.services() if _find_include(places, name)})


def read_status(places: PamFolders, service: str) -> PamServiceStatus:
    """Say whether our lines are in a service's rules, and as they should be.

    Raises:
        PamError: there is no such service, or its file is not understood.
    """
    text = places.read(service)
    rows = text.split("\n")
    ours = [r for r in parse_rules(text, service) if find_lines("\n".join(rows[r.start : r.end]))]
    asking = [rule for rule in ours if rule.kind == "auth"]
    if not ours:
        if file := _find_include(places, service):
            by = "pam-auth-update" if file.startswith("common-") else f"the file {file}"
            return PamServiceStatus(service, InstallState.INSTALLED, f"by {by}")
        lost = service in backup.list_backups(places.state)
        why = "its file was replaced since; run `onlyme unlock install` again" if lost else ""
        return PamServiceStatus(service, InstallState.ABSENT, why)
    words = tuple(w for rule in asking[:1] for w in rule.arguments if w not in _OPTIONS)
    return PamServiceStatus(service, *_check_state(places, service, text, words))


def predict_login(
    settings: Settings, service: PamServiceStatus, user: str, *, is_remote: bool
) -> tuple[str, dict[str, Any] | None]:
    """Say what the next login of a user comes to, and what the daemon answered, if it did.

    Args:
        settings: where the daemon listens.
        service: as it was looked at.
        user: whose login.
        is_remote: whether it comes over a network.
    """
    answer: dict[str, Any] | None = None
    why = ""
    try:
        answer = ask_status(settings, user, service.name)
        why = str(answer["message"])
    except UsageError as error:
        why = str(error)
    if service.state is InstallState.ABSENT:
        return "asks for the password, and never looks", answer
    if is_remote:
        return "asks for the password: this session is remote", answer
    if answer is None or not answer["ready"]:
        return f"asks for the password: {why.removesuffix('; use the password')}", answer
    first = "shows the command, waits for Enter, looks" if answer["confirm"] else "looks"
    return f"{first} through camera {answer['camera']}, else asks for the password", answer


def _check_state(
    places: PamFolders, service: str, text: str, command: tuple[str, ...]
) -> tuple[InstallState, str]:
    try:
        if not command:
            return InstallState.ALTERED, "the line that looks for a face is gone"
        if missing := [word for word in command if word[0] == "/" and not Path(word).exists()]:
            return InstallState.ALTERED, f"it starts {missing[0]}, which is not there"
        check_rules(places.read, service, places.read)
        if place_lines(places.read, service, PamLines(command)) != text:
            return InstallState.ALTERED, "our lines are not as `onlyme unlock install` puts them"
    except PamError as error:
        return InstallState.ALTERED, str(error).removesuffix("; nothing was changed")
    return InstallState.INSTALLED, "by `onlyme unlock install`"


def _find_include(places: PamFolders, service: str) -> str:
    """Return the included file that brings a service our line; empty where none does."""
    try:
        steps = flatten_rules(places.read, service, "auth")
    except PamError:
        return ""
    for step in steps:
        if step.file != service and any(w.endswith(f"/{NAME}") for w in step.rule.arguments):
            return step.file
    return ""
