"""Restore the people of a vault from a backup.

Where the vault can still be opened, only its people are restored: the log continues, locked-out
people stay locked out, and erased service tokens stay erased. Where the vault is damaged or gone,
the backup takes its place. Either way a copy of the previous vault stays in the
folder of backups, and the vault's counter never goes back.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from onlyme.errors import VaultBusy, VaultDamaged
from onlyme.gate.admission import Gate
from onlyme.gate.audit import Event
from onlyme.storage.files import copy_private, make_private_folder, move_over
from onlyme.storage.sqlite_errors import translate_sqlite_errors
from onlyme.storage.system import hold_lock
from onlyme.vault.admin import BACKUP, DRAFT, QUARANTINE, VaultAdmin
from onlyme.vault.backup import back_up
from onlyme.vault.database import is_vault
from onlyme.vault.parts import check_parts, read_parts
from onlyme.vault.rollback import RollbackCounter
from onlyme.vault.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from onlyme.vault.key_sources import KeySource

__all__ = ["RestoreResult", "restore"]

_KINDS = ("template", QUARANTINE)
_GALLERY_SECRET, _EVENTS_SECRET = ("gallery", "secret"), ("events", "secret")
"""Kind and key of the records that open gallery and events."""
_TAILS = ("", "-wal", "-shm")
_BEFORE = "-before"
"""Suffix of a copy of the present vault's write-ahead log, kept until it is known whether that
vault is damaged: SQLite removes the log of a file that it cannot read."""


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """The result of a restore.

    Attributes:
        names: who is enrolled now.
        previous: a copy of the previous vault; None if there was none.
        notes: sentences about what could not be restored.
        parts: copies of the gallery and the events that belong to the backup, by suffix; they are
            not restored yet.
        members: how many people are in the gallery now, where it was restored.
    """

    names: tuple[str, ...]
    previous: Path | None
    notes: tuple[str, ...]
    parts: dict[str, Path] = field(default_factory=dict)
    members: int = 0


def restore(
    path: Path,
    folder: Path,
    sources: tuple[KeySource, ...],
    *,
    anchor: Path | None = None,
    allow_older: bool = False,
    authorize: Callable[[str], None] = lambda _: None,
    check_marker: Callable[[str], None] = lambda _: None,
) -> RestoreResult:
    """Restore a backup, completely or not at all.

    Args:
        path: what `VaultAdmin.backup` wrote; it is only read.
        folder: of the vault.
        sources: where the key may come from.
        anchor: the vault's, if it has one.
        allow_older: restore it although the anchor saw a later vault.
        authorize: called with the kind of the vault's key before anything is changed; it
            raises if the caller may not do this.
        check_marker: called with the marker of the database that belongs to the backup, empty
            without one; it raises if the database is another one.

    Raises:
        KeyMissing, KeyRefused: the key does not open the backup, or the vault that is there.
        VaultDamaged: it is not a backup, it is damaged or not whole, it belongs to another vault,
            or the anchor saw a later one.
        VaultBusy: another restore is running.
        VaultError: a file cannot be read or written.
    """
    path = path.absolute()
    place = folder / "vault.sqlite"
    make_private_folder(folder)
    with translate_sqlite_errors(path), _make_draft(path, folder) as draft:
        with suppress(FileNotFoundError):
            copy_private(_add_suffix(place, "-wal"), _add_suffix(draft, _BEFORE))
        copy = Store(folder, *sources, file=draft)
        try:
            copy.check()
            parts, marker = check_parts(copy, path)
            check_marker(marker)
            notes = _note_early_gallery(copy)
            highest = _read_highest_counter(copy, anchor, allow_older=allow_older)
            current = _open_current(place, sources, anchor)
            if current is None:
                authorize(copy.kind)
                done = _replace_vault(copy, place, path, highest)
                return replace(done, notes=done.notes + notes, parts=parts)
            try:
                if current.identity != copy.identity:
                    raise VaultDamaged(f"{path} is a backup of another vault than {place}")
                authorize(current.kind)
                done = _put_back(copy, VaultAdmin(current, Gate(current)), path)
                return replace(done, notes=done.notes + notes, parts=parts)
            finally:
                current.close()
        finally:
            copy.close()


def _note_early_gallery(copy: Store) -> tuple[str, ...]:
    """Say that a backup of an earlier version holds no gallery, where there was one."""
    if read_parts(copy) is None and copy.read(*_GALLERY_SECRET) is not None:
        return (
            (
                "an earlier version of onlyme made this backup, without the gallery of many "
                "people: it stays as it is now"
            ),
        )
    return ()


def _read_highest_counter(copy: Store, anchor: Path | None, *, allow_older: bool) -> int:
    """Return the highest counter that the anchor saw; 0 without an anchor."""
    highest = (RollbackCounter(anchor).read_highest(copy.identity) if anchor else None) or 0
    if copy.counter < highest and not allow_older:
        raise VaultDamaged(
            f"this backup is older than the vault: its counter is {copy.counter}, and the anchor "
            f"{anchor} saw {highest}; restoring it would undo all changes since then; if you "
            "want that, use --older"
        )
    return highest


def _open_current(place: Path, sources: tuple[KeySource, ...], anchor: Path | None) -> Store | None:
    """Open the present vault; None if there is none, or it is damaged."""
    if not is_vault(place):
        return None
    try:
        return Store(place.parent, *sources, anchor=anchor)
    except VaultDamaged:
        return None


def _put_back(copy: Store, admin: VaultAdmin, path: Path) -> RestoreResult:
    """Replace the people of a vault by those of a backup, in one transaction."""
    target = _make_backup_path(admin.store.folder, "")
    previous = back_up(admin.store, admin.gate, target, damaged=True)
    with copy.edit() as backup:
        templates = [
            (kind, backup.get(name, kind)) for kind in _KINDS for name in backup.keys(kind)
        ]
        secrets = [(place, backup.read(*place)) for place in (_GALLERY_SECRET, _EVENTS_SECRET)]
    with admin.store.edit() as edit:
        for kind in _KINDS:
            for name in edit.keys(kind):
                edit.remove(kind, name)
        for kind, template in templates:
            if template is not None:
                edit.put(template, kind)
        for place, secret in secrets:
            if secret is not None and edit.read(*place) is None:
                edit.write(*place, secret)
        if edit.read(BACKUP, str(path)) is None:
            edit.write(BACKUP, str(path), b"")
        admin.gate.note(edit, Event.RESTORE, detail=str(path))
    notes = admin.store.scrub()
    return RestoreResult(tuple(admin.store.names()), previous, tuple(notes))


def _replace_vault(copy: Store, place: Path, path: Path, highest: int) -> RestoreResult:
    """Put a backup in the place of a vault that is damaged or gone."""
    previous = _set_aside(place, _add_suffix(copy.path, _BEFORE))
    with copy.edit() as edit:
        edit.catch_up(highest)
        for known in (path, previous):
            if known and edit.read(BACKUP, str(known)) is None:
                edit.write(BACKUP, str(known), b"")
        Gate(copy).note(edit, Event.RESTORE, detail=str(path))
    copy.scrub()
    names, notes = tuple(copy.names()), ["the counts of failed attempts are those of the backup"]
    try:
        for _ in copy.log():
            pass
    except VaultDamaged as error:
        notes.append(f"the log is damaged: {error}")
    copy.close()  # this writes its write-ahead log into the file
    # SQLite would take a write-ahead log that is left here for that of the new file.
    for tail in _TAILS[1:]:
        _add_suffix(place, tail).unlink(missing_ok=True)
    move_over(copy.path, place)
    return RestoreResult(names, previous, tuple(notes))


def _set_aside(place: Path, log: Path) -> Path | None:
    """Copy the present vault, with its write-ahead log, into the folder of backups."""
    if not place.exists():
        return None
    previous = _make_backup_path(place.parent, "-damaged")
    copy_private(place, previous)
    if log.exists():
        move_over(log, _add_suffix(previous, "-wal"))
    return previous


def _make_backup_path(folder: Path, what: str) -> Path:
    backups = folder / "backups"
    make_private_folder(backups)
    return backups / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S.%f}Z{what}.sqlite"


@contextmanager
def _make_draft(path: Path, folder: Path) -> Iterator[Path]:
    """Copy a backup into the vault's folder, since opening a file may change it."""
    draft = folder / DRAFT
    with ExitStack() as held:
        try:
            held.enter_context(hold_lock(_add_suffix(draft, ".lock"), seconds=0.0))
        except BlockingIOError:
            raise VaultBusy(f"another backup is being restored in {folder}; try again") from None
        _erase(draft)  # of an interrupted restore
        try:
            if path.is_file():
                _copy_all(path, draft)
            if not is_vault(draft):
                raise VaultDamaged(
                    f"{path} is not a backup of a vault, or another version of onlyme made it"
                )
            yield draft
        finally:
            _erase(draft)


def _copy_all(source: Path, target: Path) -> None:
    """Copy a file and its write-ahead log, if it has one."""
    for tail in _TAILS[:2]:
        with suppress(FileNotFoundError):
            copy_private(_add_suffix(source, tail), _add_suffix(target, tail))


def _erase(path: Path) -> None:
    for tail in (*_TAILS, _BEFORE):
        _add_suffix(path, tail).unlink(missing_ok=True)


def _add_suffix(path: Path, tail: str) -> Path:
    return path.with_name(path.name + tail)
