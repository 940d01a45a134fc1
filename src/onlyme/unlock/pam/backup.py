"""What a PAM file was before us, kept byte for byte in a folder of root's own.

For each service two files: `NAME.before` holds its bytes, `NAME.json` where and how they lay.
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
from onlyme.storage.files import replace_private
from onlyme.unlock.pam.folders import read_attributes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Backup", "list_backups", "read_backup", "remove_backup", "write_backup"]


@dataclass(frozen=True, slots=True)
class Backup:
    """What is known of a service's file from when our lines were put in.

    Attributes:
        service: its name.
        before: sha256 of the file without our lines.
        after: sha256 of the file with them.
        when: in UTC, ISO 8601.
        mode: permissions of the file.
        owner: its user's and group's number.
        attributes: its extended attributes, in base64.
    """

    service: str
    before: str
    after: str
    when: str
    mode: int
    owner: tuple[int, int]
    attributes: dict[str, str]

    @classmethod
    def describe_file(cls, path: Path, before: str, after: str) -> Self:
        """Describe a file that is about to change from one text to another."""
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
    """Return the sha256 of a text as it lies on the disk."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def write_backup(folder: Path, backup: Backup, before: str) -> None:
    """Write a backup to the disk, before anything is changed.

    Raises:
        PamError: the folder is open to others.
        OSError: it cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise PamError(f"{folder} is open to others; run `chmod 700 {folder}` as root")
    replace_private(folder / f"{backup.service}.before", before.encode("utf-8", "surrogateescape"))
    described = json.dumps(asdict(backup), indent=2).encode()
    replace_private(folder / f"{backup.service}.json", described)


def read_backup(folder: Path, service: str) -> tuple[Backup, str] | None:
    """Return a backup with the text that the file had, if it is there and whole."""
    try:
        values = json.loads((folder / f"{service}.json").read_bytes())
        text = (folder / f"{service}.before").read_bytes().decode("utf-8", "surrogateescape")
        backup = Backup(**values)
    except (OSError, ValueError, TypeError):
        return None
    return (backup, text) if backup.before == hash_text(text) else None


def list_backups(folder: Path) -> list[str]:
    """Name the services of which there is a backup, as far as one may look."""
    try:
        return sorted(file.name.removesuffix(".json") for file in folder.glob("*.json"))
    except OSError:
        return []


def remove_backup(folder: Path, service: str) -> None:
    """Remove a backup."""
    for name in (f"{service}.json", f"{service}.before"):
        (folder / name).unlink(missing_ok=True)
