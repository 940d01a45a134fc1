"""Write backups of a vault, and erase people in those that were written before."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from onlyme.errors import KeyMissing, KeyRefused, VaultDamaged, VaultError
from onlyme.gate.audit import Event
from onlyme.storage.files import create_private
from onlyme.vault.database import read_slot
from onlyme.vault.key_slot import KeySlot
from onlyme.vault.parts import DATABASE_PART, change_part, copy_parts, list_parts, write_parts
from onlyme.vault.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from onlyme.gate.admission import Gate
    from onlyme.vault.transaction import VaultTransaction

__all__ = [
    "BACKUP",
    "KEYRING",
    "QUARANTINE",
    "TOLD_EYES",
    "back_up",
    "change_backups",
    "forget_in",
    "forget_rest",
    "write_new",
]

BACKUP: Final = "backup"
"""Kind of the record that remembers where a backup is."""
KEYRING: Final = "keyring password"
"""Kind of the record of a keyring's own password; see `onlyme.unlock.keyring.change`."""
QUARANTINE: Final = "quarantine"
"""Kind of the record of what a template may learn; see `onlyme.faceid.adaptation`."""
TOLD_EYES: Final = "told eyes"
"""Kind of the record that an owner was told that attention does not know their open eyes."""
_MADE_HERE = b"made here"
"""What the record holds of a backup that `back_up` wrote, not one given to a restore."""


def back_up(
    store: Store, gate: Gate, path: Path | None, marker: str = "", *, damaged: bool = False
) -> Path:
    """Copy vault, gallery and events; see `VaultAdmin.backup`.

    With `damaged` a damaged gallery is copied as it is.
    """
    if path is None:
        folder = store.folder / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = _begin_by_time(folder.absolute())
    else:
        path = path.absolute()
        _begin(path)
    parts = list(list_parts(path).values())
    try:
        _copy_all(store, gate, path, marker, damaged=damaged)
    except BaseException:
        for each in (path, *parts):  # no half a backup
            each.unlink(missing_ok=True)
        raise
    return path


def _begin(path: Path) -> None:
    """Make the empty file of a backup, which no other process then takes.

    Raises:
        VaultError: it, or one of its parts, exists, or cannot be written.
    """
    for part in list_parts(path).values():
        if part.exists():
            raise VaultError(f"{part} exists already; choose another file")
    write_new(path, b"")


def _begin_by_time(folder: Path) -> Path:
    """Begin a backup that is named after the time, and numbered where there is one of that second.

    Raises:
        VaultError: it cannot be written.
    """
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}Z"
    for number in itertools.count(1):
        path = folder / (f"{stamp}.sqlite" if number == 1 else f"{stamp}-{number}.sqlite")
        try:
            _begin(path)
        except VaultError:
            if any(each.exists() for each in (path, *list_parts(path).values())):
                continue  # also where another process has just made it
            raise
        return path
    raise AssertionError  # counting never ends


def change_backups(store: Store, suffix: str, change: Callable[[Store, Path], None]) -> list[str]:
    """Change one part of every backup that this vault knows.

    Args:
        store: the vault.
        suffix: of the part; see `onlyme.vault.parts`.
        change: called with the vault of a backup and the file to change.

    Returns:
        Sentences about backups that could not be changed.
    """
    notes = []
    for name in store.keys(BACKUP):
        path = Path(name)
        if not path.exists():
            notes.append(f"the backup {path} is not there; if it was moved, it is unchanged")
        elif _is_own(store, path):
            try:
                with _open_backup(store, path) as copy:
                    change_part(copy, path, suffix, partial(change, copy))
            except VaultError as error:
                notes.append(f"the backup {path} cannot be changed: {error}")
    return notes


def forget_rest(gate: Gate, edit: VaultTransaction, name: str) -> None:
    """Erase what is stored of a person beside the template."""
    gate.forget(edit, name)
    edit.remove(KEYRING, name)
    edit.remove(QUARANTINE, name)
    edit.remove(TOLD_EYES, name)


def forget_in(
    store: Store, gate: Gate, path: Path, names: list[str], record: bytes | None
) -> list[str]:
    """Erase a person from a backup; return sentences about what is not possible.

    Another file may lie at this path by now. Only a vault of the same identity is changed, and
    only a backup that this vault wrote is ever deleted.
    """
    name = names[0]
    if not path.exists():
        return [f"the backup {path} is not there; if it was moved, {name} is still in it"]
    if not _is_own(store, path):
        return [
            (
                f"{path} cannot be read as a backup of this vault, and was left as it is; "
                f"if it is one, or was moved, {name} is still in it"
            )
        ]
    try:
        with _open_backup(store, path) as copy:
            with copy.edit() as edit:
                for each in names:
                    edit.delete(each)
                    forget_rest(gate, edit, each)
            return copy.scrub()
    except (KeyMissing, KeyRefused):
        if record == _MADE_HERE or path.parent == store.folder.absolute() / "backups":
            for file in (path, *list_parts(path).values()):
                file.unlink(missing_ok=True)
            return [f"the backup {path} has an earlier key and cannot be changed: it was deleted"]
        return [
            (
                f"the backup {path} has an earlier key and cannot be changed: {name} is still "
                "in it; delete it if no vault uses it"
            )
        ]
    except VaultError as error:
        return [f"the backup {path} still holds {name}, since it cannot be changed: {error}"]


def _copy_all(store: Store, gate: Gate, path: Path, marker: str, *, damaged: bool) -> None:
    database = {DATABASE_PART: marker} if marker else {}
    if store.unwritable:
        with copy_parts(store.folder, path, lock=False) as digests:
            store.copy_to(path)
        with _open_backup(store, path) as copy, copy.edit() as edit:
            write_parts(edit, digests | database)
        return
    with store.lock, ExitStack() as held:
        with store.edit() as edit:
            digests = held.enter_context(copy_parts(store.folder, path, damaged=damaged))
            write_parts(edit, digests | database)
            edit.write(BACKUP, str(path), _MADE_HERE)
            gate.note(edit, Event.BACKUP, detail=str(path))
        store.copy_to(path)  # gallery and events cannot have changed since


@contextmanager
def _open_backup(store: Store, path: Path) -> Iterator[Store]:
    copy = Store(store.folder, store.source, file=path)
    try:
        yield copy
    finally:
        copy.close()


def _is_own(store: Store, path: Path) -> bool:
    """Whether a file is a vault with the identity of a vault."""
    slot = read_slot(path)
    if slot is None:
        return False
    try:
        return KeySlot.from_bytes(slot).vault == store.identity
    except VaultDamaged:
        return False


def write_new(path: Path, content: bytes) -> None:
    """Write a new private file.

    Raises:
        VaultError: it exists, or cannot be written.
    """
    try:
        create_private(path, content)
    except FileExistsError:
        raise VaultError(f"{path} exists already; choose another file") from None
    except OSError as error:
        raise VaultError(f"{path}: {error.strerror}") from None
