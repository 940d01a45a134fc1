"""Keep the other files of a vault's folder with its backups: gallery and events.

A backup is the copy of the vault and, beside it, the copies of these files, with a suffix each. A
sealed record in the vault's copy holds the SHA-256 of each. So a backup that lacks a file, or has
one of another day, is noticed before anything is restored.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final

from onlyme.errors import VaultDamaged
from onlyme.storage.files import copy_private, create_private, move_over, open_regular
from onlyme.storage.sqlite import SQLITE_WAIT_SECONDS
from onlyme.storage.sqlite_errors import translate_sqlite_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from onlyme.vault.store import Store
    from onlyme.vault.transaction import VaultTransaction

__all__ = [
    "DATABASE_PART",
    "PART_FILES",
    "change_part",
    "check_parts",
    "copy_parts",
    "list_parts",
    "read_parts",
    "write_parts",
]

PART_FILES: Final = {"gallery": "gallery.sqlite", "events": "events.sqlite"}
"""The files in the vault's folder that belong to a backup, by the suffix of their copies."""

DATABASE_PART: Final = "database"
"""The part that is a PostgreSQL database; its value is the marker that the database holds."""

_KIND, _KEY = "backup parts", "digests"


def list_parts(path: Path) -> dict[str, Path]:
    """Return where the copies beside a backup are, whether they exist or not."""
    return {suffix: path.with_name(f"{path.name}.{suffix}") for suffix in PART_FILES}


@contextmanager
def copy_parts(
    folder: Path, path: Path, *, lock: bool = True, damaged: bool = False
) -> Iterator[dict[str, str]]:
    """Copy the files beside a vault, and let no process change them until the end of the block.

    Args:
        folder: of the vault.
        path: of the backup; the copies must not exist yet.
        lock: whether to keep other processes from changing them; not where none can.
        damaged: copy a damaged file as it is; otherwise it makes no backup.

    Yields:
        The SHA-256 (hex) of each copy, by suffix.

    Raises:
        FileExistsError: a copy exists.
        VaultError: a file cannot be copied.
    """
    targets = list_parts(path)
    digests = {}
    with ExitStack() as stack:
        for suffix, name in PART_FILES.items():
            source = folder / name
            if not source.exists():
                continue
            create_private(targets[suffix], b"")
            try:
                with translate_sqlite_errors(source):
                    if lock:
                        stack.enter_context(_hold(source))
                    _copy(source, targets[suffix], immutable=not lock)
            except VaultDamaged:
                if not damaged:
                    raise
                targets[suffix].unlink()
                copy_private(source, targets[suffix])
            digests[suffix] = _hash(targets[suffix])
        yield digests


def write_parts(edit: VaultTransaction, digests: dict[str, str]) -> None:
    """Write into the vault what the backup that is being made consists of."""
    document = {suffix: [digest] for suffix, digest in digests.items()}
    edit.write(_KIND, _KEY, json.dumps(document).encode())


def read_parts(store: Store) -> dict[str, list[str]] | None:
    """Return what a backup consists of; None for one of an earlier version."""
    body = store.read(_KIND, _KEY)
    return None if body is None else {str(k): list(v) for k, v in json.loads(body).items()}


def check_parts(copy: Store, path: Path) -> tuple[dict[str, Path], str]:
    """Check that a backup is whole.

    Args:
        copy: the vault of the backup.
        path: where the backup is.

    Returns:
        Where its parts are, by suffix; and the marker of its database, empty without one.

    Raises:
        VaultDamaged: a part is missing, or is not the one that belongs to it.
    """
    recorded = read_parts(copy) or {}
    found = {}
    for suffix, digests in recorded.items():
        if suffix == DATABASE_PART:
            continue
        part = list_parts(path).get(suffix)
        if part is None or not part.is_file():
            raise VaultDamaged(
                f"this backup is not whole: {path.name}.{suffix} must lie beside it; nothing was "
                "restored"
            )
        if _hash(part) not in digests:
            raise VaultDamaged(
                f"{part} is not the one that belongs to this backup, or is damaged; nothing was "
                "restored"
            )
        found[suffix] = part
    return found, next(iter(recorded.get(DATABASE_PART, [])), "")


def change_part(copy: Store, path: Path, suffix: str, change: Callable[[Path], None]) -> None:
    """Change one part of a backup, so that a kill at any time leaves a whole backup.

    Args:
        copy: the vault of the backup.
        path: where the backup is.
        suffix: of the part; nothing is done if the backup has none.
        change: changes the file at a path.

    Raises:
        VaultDamaged: the part is not the one that belongs to the backup.
    """
    recorded = read_parts(copy)
    if recorded is None or suffix not in recorded:
        return
    part = check_parts(copy, path)[0][suffix]
    draft = part.with_name(f".{part.name}.draft")
    draft.unlink(missing_ok=True)
    copy_private(part, draft)
    try:
        change(draft)
        digest = _hash(draft)
        _record(copy, recorded | {suffix: [*recorded[suffix], digest]})
        move_over(draft, part)
        _record(copy, recorded | {suffix: [digest]})
    finally:
        for left in draft.parent.glob(f".{part.name}.*"):  # also locks and logs
            left.unlink()


def _record(copy: Store, digests: dict[str, list[str]]) -> None:
    with copy.edit() as edit:
        edit.write(_KIND, _KEY, json.dumps(digests).encode())


@contextmanager
def _hold(path: Path) -> Iterator[None]:
    """Keep every process from changing a SQLite file."""
    line = sqlite3.connect(path, timeout=SQLITE_WAIT_SECONDS, isolation_level=None)
    try:
        line.execute("PRAGMA trusted_schema = OFF")
        line.execute("BEGIN IMMEDIATE")
        yield
    finally:
        with suppress(sqlite3.Error):
            line.execute("ROLLBACK")
        line.close()


def _copy(source: Path, target: Path, *, immutable: bool) -> None:
    place = f"{source.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
    reader = sqlite3.connect(place, uri=True, timeout=SQLITE_WAIT_SECONDS)
    out = sqlite3.connect(target)
    try:
        reader.backup(out)
        # One file, without a log beside it: its digest is that of all its content.
        out.execute("PRAGMA journal_mode = DELETE")
    finally:
        out.close()
        reader.close()


def _hash(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
