"""Keep PAM files byte for byte as they were before our lines, in a folder that only root reads.

Each service has two files: `NAME.before` holds the bytes, `NAME.json` describes the file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from onlyme.errors import PamError
from onlyme.storage.files import make_folder, replace_private
from onlyme.unlock.pam.folders import read_attributes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Backup", "list_backups", "read_backup", "remove_backup", "write_backup"]


@dataclass(frozen=True, slots=True)
class Backup:
    """Describes a service's file at the time when our lines were put in.

    Attributes:
        service: name of the service.
        before: sha256 of the file without our lines.
        after: sha256 of the file with them.
        when: in UTC, ISO 8601.
        mode: permissions of the file.
        owner: numbers of its user and group.
        attributes: its extended attributes, in base64.
        copied: whether the file is our copy of the distribution's, and goes with our lines.
    """

    service: str
    before: str
    after: str
    when: str
    mode: int
    owner: tuple[int, int]
    attributes: dict[str, str]
    copied: bool = False

    @classmethod
    def describe_file(cls, path: Path, before: str, after: str) -> Self:
        """Describe a file before it changes from one text to another."""
        status = path.stat()
        return cls(
            path.name,
            hash_text(before),
            hash_text(after),
            datetime.now(UTC).isoformat(timespec="seconds"),
            stat.S_IMODE(status.st_mode),
            (status.st_uid, status.st_gid),
            {k: base64.b64encode(v).decode() for k, v in read_attributes(path).items()},
        )


def hash_text(text: str) -> str:
    """Return the sha256 of a text's bytes on the disk."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def write_backup(folder: Path, backup: Backup, before: str) -> None:
    """Write a backup, before anything is changed.

    Raises:
        PamError: other users may enter the folder.
        OSError: it cannot be written.
    """
    make_folder(folder)
    status = folder.stat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise PamError(f"{folder} is open to other users; run `chmod 700 {folder}` as root")
    content = before.encode("utf-8", "surrogateescape")
    replace_private(folder / f"{backup.service}.before", content)
    description = json.dumps(asdict(backup), indent=2).encode()
    replace_private(folder / f"{backup.service}.json", description)


def read_backup(folder: Path, service: str) -> tuple[Backup, str] | None:
    """Return a backup and the text of the file before; None if it is missing or damaged."""
    try:
        values = json.loads((folder / f"{service}.json").read_bytes())
        text = (folder / f"{service}.before").read_bytes().decode("utf-8", "surrogateescape")
        backup = Backup(**values)
    except (OSError, ValueError, TypeError):
        return None
    return (backup, text) if backup.before == hash_text(text) else None


def list_backups(folder: Path) -> list[str]:
    """List the services that have a backup; none if this user may not read the folder."""
    try:
        return sorted(file.name.removesuffix(".json") for file in folder.glob("*.json"))
    except OSError:
        return []


def remove_backup(folder: Path, service: str) -> None:
    """Remove a backup."""
    for name in (f"{service}.json", f"{service}.before"):
        (folder / name).unlink(missing_ok=True)
