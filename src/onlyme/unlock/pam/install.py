"""A service's name comes in; its PAM file with our lines, or without them, goes out.

First everything is worked out and tried, then it is written: a plan is complete before the
first byte changes.
"""

from __future__ import annotations

import difflib
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from onlyme.errors import PamError
from onlyme.unlock.pam import backup
from onlyme.unlock.pam.folders import replace_file
from onlyme.unlock.pam.placement import check_rules, find_sharing, place_lines
from onlyme.unlock.pam.program import NAME
from onlyme.unlock.pam.rules import find_lines, remove_lines
from onlyme.unlock.pam.stack import flatten_rules
from onlyme.unlock.pam.trial import try_service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from onlyme.unlock.pam.folders import PamFolders
    from onlyme.unlock.pam.rules import PamLines

__all__ = ["FileChange", "apply", "list_installed", "plan", "plan_removal", "try_out"]


@dataclass(frozen=True, slots=True)
class FileChange:
    """What would become of a service's file.

    Attributes:
        path: the file.
        old: its text now.
        new: its text then.
        services: those whose rules come from it; its own first.
        notes: what is worth knowing, in sentences.
    """

    path: Path
    old: str
    new: str
    services: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        """The service that was asked for."""
        return self.services[0]

    @property
    def diff(self) -> str:
        """The change as a unified diff; empty where there is none."""
        old, new = (text.split("\n") for text in (self.old, self.new))
        rows = difflib.unified_diff(old, new, str(self.path), str(self.path), lineterm="")
        text = "\n".join(rows)
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def plan(
    places: PamFolders,
    service: str,
    lines: PamLines,
    others: Mapping[str, str] = MappingProxyType({}),
) -> FileChange:
    """Work out where our lines go, and hold that a password still opens afterwards.

    Args:
        places: where PAM's files lie.
        service: the service.
        lines: what to put into its file.
        others: new texts of other files, by their names, that are to be written as well.

    Raises:
        PamError: they may not be put there; the message says why.
    """

    def read_now(name: str) -> str:
        return others[name] if name in others else places.read(name)

    path = places.find_own(service)
    old = read_now(service)
    new = place_lines(read_now, service, lines)
    if _starts_already(read_now, service):
        raise PamError(
            f"{service}: its rules start {NAME} already, as pam-auth-update has it; "
            "a face would be looked for twice"
        )

    def read_then(name: str) -> str:
        return new if name == service else read_now(name)

    services = (service, *find_sharing(read_now, places.services(), service))
    notes = list(check_rules(read_then, service, read_now))
    for other in services[1:]:
        check_rules(read_then, other, read_now)
        notes.append(f"{other} includes {service}: a face opens it as well")
    if sum(line.startswith("account") for line in find_lines(new)) == 0:
        notes.append("it has no account rules, so a password will not end a lock-out of the face")
    return FileChange(path, old, new, services, tuple(notes))


def try_out(
    places: PamFolders,
    changes: Sequence[FileChange],
    change: FileChange,
    user: str,
    password: str | None,
) -> None:
    """Try a new file with the real PAM, in a copy of the configuration.

    Args:
        places: where PAM's files lie.
        changes: all that are to be written.
        change: the one that is tried, in every service that its file serves.
        user: somebody who has a password.
        password: theirs; where it is None it is only seen that it is asked for.

    Raises:
        PamError: it does not do what it should.
    """
    texts = {each.service: each.new for each in changes}
    for service in change.services:
        try_service(places.folders, texts, service, user, password)


def list_installed(places: PamFolders) -> list[str]:
    """Name the services whose own files hold a line of ours."""
    found = []
    for service in places.services():
        with suppress(PamError):
            if find_lines(places.read(service)):
                found.append(service)
    return found


def plan_removal(places: PamFolders, service: str) -> FileChange | None:
    """Work out how a service's file is without our lines.

    Where the file is still as we left it, it becomes what the backup holds, byte for byte.
    Where somebody changed it since, our lines and nothing else are taken out.

    Returns:
        The change; None where none of our lines is in it.

    Raises:
        PamError: there is no such service, or its file is not one to change.
    """
    path = places.find_own(service)
    old = places.read(service)
    if not find_lines(old):
        return None
    known = backup.read_backup(places.state, service)
    if known is not None and known[0].after == backup.hash_text(old):
        return FileChange(path, old, known[1], (service,))
    note = "the file was changed since; only our lines are taken out"
    return FileChange(path, old, remove_lines(old), (service,), (note,) if known else ())


def apply(places: PamFolders, change: FileChange) -> None:
    """Write a change: its backup first, then the file in one step.

    Raises:
        PamError: the file was changed meanwhile.
        OSError: something cannot be written; the file is as it was.
    """
    if change.old == change.new:
        return
    if find_lines(change.new):
        before = remove_lines(change.old)
        backup.write_backup(
            places.state, backup.Backup.describe_file(change.path, before, change.new), before
        )
    replace_file(change.path, change.old, change.new)
    if not find_lines(change.new):
        backup.remove_backup(places.state, change.service)


def _starts_already(read: Callable[[str], str], service: str) -> bool:
    """Whether the service starts our program by a rule that `install` did not write."""

    def read_plain(name: str) -> str:
        return remove_lines(read(name))

    return any(
        argument.endswith(f"/{NAME}")
        for step in flatten_rules(read_plain, service, "auth")
        for argument in step.rule.arguments
    )
