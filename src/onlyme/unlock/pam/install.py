"""Plan, try and write the change that puts our lines into a PAM file, or takes them out.

Everything is planned and tried before the first byte changes.
"""

from __future__ import annotations

import difflib
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from onlyme.errors import PamError
from onlyme.unlock.pam import backup
from onlyme.unlock.pam.folders import copy_file, remove_file, replace_file
from onlyme.unlock.pam.placement import check_rules, find_sharing, place_lines
from onlyme.unlock.pam.program import NAME, starts_helper
from onlyme.unlock.pam.rules import find_lines, remove_lines
from onlyme.unlock.pam.stack import flatten_rules
from onlyme.unlock.pam.trial import try_service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from onlyme.unlock.pam.folders import PamFolders
    from onlyme.unlock.pam.rules import PamLines

__all__ = [
    "FileChange",
    "apply",
    "find_origin",
    "list_installed",
    "plan",
    "plan_removal",
    "try_out",
]


@dataclass(frozen=True, slots=True)
class FileChange:
    """A planned change of a service's file.

    Attributes:
        path: the file.
        old: its text now.
        new: its text after the change.
        services: the services whose rules come from this file; its own service first.
        notes: sentences that the administrator should read.
        origin: the distribution's file of which `path` is, or becomes, our copy; None where it is
            the administrator's own.
    """

    path: Path
    old: str
    new: str
    services: tuple[str, ...]
    notes: tuple[str, ...] = ()
    origin: Path | None = None

    @property
    def service(self) -> str:
        """The service to which the file belongs."""
        return self.services[0]

    @property
    def diff(self) -> str:
        """The change as a unified diff; empty if there is none."""
        old, new = (text.split("\n") for text in (self.old, self.new))
        before = self.path if self.path.exists() or self.origin is None else self.origin
        rows = difflib.unified_diff(old, new, str(before), str(self.path), lineterm="")
        text = "\n".join(rows)
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def plan(
    folders: PamFolders,
    service: str,
    lines: PamLines,
    others: Mapping[str, str] = MappingProxyType({}),
) -> FileChange:
    """Plan where our lines go, and check that a password still opens afterwards.

    Args:
        folders: where PAM's files are.
        service: the service.
        lines: the lines to put into its file.
        others: new texts of other files by their names, which will be written as well.

    Raises:
        PamError: they may not be put there; the message says why.
    """
    path = folders.find_own(service)
    origin = find_origin(folders, path)

    def read_now(name: str) -> str:
        if origin is not None and name == service:
            return folders.read(str(origin))  # a copy is made again, with what upgrades changed
        return others[name] if name in others else folders.read(name)

    old = folders.read(service)
    new = place_lines(read_now, service, lines)
    if _starts_already(read_now, service):
        raise PamError(
            f"{service}: its rules start {NAME} already, for example by pam-auth-update; "
            "a face would be looked for twice, so nothing was changed"
        )

    def read_then(name: str) -> str:
        return new if name == service else read_now(name)

    services = (service, *find_sharing(read_now, folders.list_services(), service))
    notes = list(check_rules(read_then, service, read_now))
    for other in services[1:]:
        check_rules(read_then, other, read_now)
        notes.append(f"{other} includes {service}: a face opens it as well")
    if origin is not None:
        notes.append(f"{path} is a copy of {origin}, which upgrades overwrite")
    return FileChange(path, old, new, services, tuple(notes), origin)


def try_out(
    folders: PamFolders,
    changes: Sequence[FileChange],
    change: FileChange,
    user: str,
    password: str | None,
) -> None:
    """Try a new file with the real PAM, in a copy of the configuration.

    Args:
        folders: where PAM's files are.
        changes: all changes that will be written.
        change: the change to try, in every service that its file serves.
        user: a user who has a password.
        password: the user's; None only checks that PAM asks for it.

    Raises:
        PamError: PAM does not answer as it should.
    """
    texts = {each.service: each.new for each in changes}
    for service in change.services:
        try_service(folders.readable, texts, service, user, password)


def list_installed(folders: PamFolders) -> list[str]:
    """List the services whose own files hold our lines."""
    found = []
    for service in folders.list_services():
        with suppress(PamError):
            if find_lines(folders.read(service)):
                found.append(service)
    return found


def plan_removal(folders: PamFolders, service: str) -> FileChange | None:
    """Plan how a service's file becomes what it was without our lines.

    If the file is as we wrote it, it becomes what the backup holds, byte for byte; a copy of the
    distribution's file is removed. If it was changed since, only our lines are removed.

    Returns:
        The change; None if the file has none of our lines.

    Raises:
        PamError: there is no such service, or its file may not be changed.
    """
    path = folders.find_own(service)
    old = folders.read(service)
    if not find_lines(old):
        return None
    known = backup.read_backup(folders.state, service)
    if known is not None and known[0].after == backup.hash_text(old):
        origin = folders.vendor / service if known[0].copied else None
        return FileChange(path, old, known[1], (service,), origin=origin)
    note = "the file was changed since the installation; only our lines are removed"
    return FileChange(path, old, remove_lines(old), (service,), (note,) if known else ())


def apply(folders: PamFolders, change: FileChange) -> None:
    """Write a change: the backup first, then the file in one step.

    Raises:
        PamError: another program changed the file.
        OSError: something cannot be written; the file is as it was.
    """
    if change.old == change.new:
        return
    if not find_lines(change.new):
        if change.origin is not None:
            remove_file(change.path, change.old)
        else:
            replace_file(change.path, change.old, change.new)
        backup.remove_backup(folders.state, change.service)
        return
    before = remove_lines(change.new)
    described = change.path if change.path.exists() or not change.origin else change.origin
    entry = backup.Backup.describe_file(described, before, change.new)
    entry = replace(entry, copied=change.origin is not None)
    backup.write_backup(folders.state, entry, before)
    if change.path.exists() or change.origin is None:
        replace_file(change.path, change.old, change.new)
    else:
        copy_file(change.path, change.origin, change.new)


def find_origin(folders: PamFolders, path: Path) -> Path | None:
    """Return the distribution's file of which a service's own is, or becomes, our copy."""
    origin = folders.vendor / path.name
    if not path.exists():
        return origin
    known = backup.read_backup(folders.state, path.name)
    is_copy = known is not None and known[0].copied
    is_unchanged = known is not None and known[0].after == backup.hash_text(folders.read(path.name))
    return origin if is_copy and is_unchanged and origin.is_file() else None


def _starts_already(read: Callable[[str], str], service: str) -> bool:
    """Say whether a rule that `install` did not write starts our program."""

    def read_plain(name: str) -> str:
        return remove_lines(read(name))

    return any(starts_helper(step.rule) for step in flatten_rules(read_plain, service, "auth"))
