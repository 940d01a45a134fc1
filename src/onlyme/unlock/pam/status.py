"""Say whether our lines are in a service, and what its next login does."""

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
from onlyme.unlock.pam.program import starts_helper
from onlyme.unlock.pam.rules import PamLines, is_our_rule
from onlyme.unlock.pam.stack import flatten_rules, parse_rules
from onlyme.unlock.services import BESIDE

if TYPE_CHECKING:
    from onlyme.settings import Settings
    from onlyme.unlock.pam.folders import PamFolders

__all__ = ["InstallState", "PamServiceStatus", "list_known", "predict_login", "read_status"]

_OPTIONS = {"quiet", "stdout", "seteuid"}


class InstallState(StrEnum):
    """Whether our lines are in a service."""

    INSTALLED = "installed"
    ALTERED = "altered"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class PamServiceStatus:
    """What a service's PAM file says.

    Attributes:
        name: of the service.
        state: whether our lines are there, as `install` would put them.
        detail: who put them there, or what is wrong with them, in words.
    """

    name: str
    state: InstallState
    detail: str


def list_known(folders: PamFolders) -> list[str]:
    """List the services that have our lines, had them, or get them from pam-auth-update."""
    names = {*list_installed(folders), *backup.list_backups(folders.state)}
    return sorted(
        names | {name for name in folders.list_services() if _find_include(folders, name)}
    )


def read_status(folders: PamFolders, service: str) -> PamServiceStatus:
    """Say whether our lines are in a service's rules, and are as they should be.

    Raises:
        PamError: there is no such service, or its file is not understood.
    """
    text = folders.read(service)
    ours = [
        rule
        for rule in parse_rules(text, service)
        if is_our_rule(rule, text) and rule.kind != "session"
    ]
    auth_rules = [rule for rule in ours if rule.kind == "auth"]
    if not ours:
        if file := _find_include(folders, service):
            by = "pam-auth-update" if file.startswith("common-") else f"the file {file}"
            return PamServiceStatus(service, InstallState.INSTALLED, f"by {by}")
        is_lost = service in backup.list_backups(folders.state)
        why = "its file was replaced since; run `onlyme unlock install` again" if is_lost else ""
        return PamServiceStatus(service, InstallState.ABSENT, why)
    if _is_outdated(folders, service):
        why = f"{folders.vendor / service}, which it copies, has changed; run `install` again"
        return PamServiceStatus(service, InstallState.ALTERED, why)
    command = tuple(w for rule in auth_rules[:1] for w in rule.arguments if w not in _OPTIONS)
    return PamServiceStatus(service, *_check_state(folders, service, text, command))


def predict_login(
    settings: Settings, service: PamServiceStatus, user: str, *, is_remote: bool
) -> tuple[str, dict[str, Any] | None]:
    """Say what the next login of a user does, and what the daemon answered, if it did.

    Args:
        settings: where the daemon listens.
        service: as `read_status` returned it.
        user: whose login.
        is_remote: whether the login comes over a network.
    """
    answer: dict[str, Any] | None = None
    why = ""
    try:
        answer = ask_status(settings, user, service.name)
        why = str(answer["message"])
    except UsageError as error:
        why = str(error)
    if service.state is InstallState.ABSENT:
        return "asks for the password, without looking for a face", answer
    if is_remote:
        return "asks for the password: this session is remote", answer
    if answer is None or not answer["ready"]:
        return f"asks for the password: {why.removesuffix('; use the password')}", answer
    first = "looks"
    if answer.get("gesture"):
        first = "shows the command and a gesture, looks"
    if answer["confirm"]:
        first = "shows the command, waits for Enter, looks"
    otherwise = "else asks for the password"
    if service.name in BESIDE:
        otherwise = f"while {BESIDE[service.name]} asks for the password"
    return f"{first} through camera {answer['camera']}, {otherwise}", answer


def _is_outdated(folders: PamFolders, service: str) -> bool:
    """Say whether an upgrade changed the distribution's file of which the service's is our copy."""
    known = backup.read_backup(folders.state, service)
    if known is None or not known[0].copied:
        return False
    try:
        return backup.hash_text(folders.read(str(folders.vendor / service))) != known[0].before
    except PamError:
        return True


def _check_state(
    folders: PamFolders, service: str, text: str, command: tuple[str, ...]
) -> tuple[InstallState, str]:
    try:
        if not command:
            return InstallState.ALTERED, "the line that looks for a face is missing"
        if missing := [word for word in command if word[0] == "/" and not Path(word).exists()]:
            return InstallState.ALTERED, f"it starts {missing[0]}, which does not exist"
        check_rules(folders.read, service, folders.read)
        if place_lines(folders.read, service, PamLines(command)) != text:
            return InstallState.ALTERED, "our lines are not as `onlyme unlock install` writes them"
    except PamError as error:
        return InstallState.ALTERED, str(error).removesuffix("; nothing was changed")
    return InstallState.INSTALLED, "by `onlyme unlock install`"


def _find_include(folders: PamFolders, service: str) -> str:
    """Return the included file that brings our line into a service; empty if none does."""
    try:
        steps = flatten_rules(folders.read, service, "auth")
    except PamError:
        return ""
    brings = (step.file for step in steps if step.file != service and starts_helper(step.rule))
    return next(brings, "")
