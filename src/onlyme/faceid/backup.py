"""Back up and restore a vault with its gallery and its events, and erase people in backups."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from onlyme.errors import OnlymeError, VaultDamaged
from onlyme.events.store import EVENTS_FILE, SECRET_KEY, SECRET_KIND, EventStore
from onlyme.faceid import networks, wiring
from onlyme.faceid.enrolled import GALLERY_SECRET
from onlyme.gallery.gallery import Gallery
from onlyme.gallery.stores.sqlite.store import SqliteStore
from onlyme.storage.files import copy_private, make_private_folder, move_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from onlyme.gallery.stores.protocol import TemplateStore
    from onlyme.settings import Settings
    from onlyme.siamese.head import Base
    from onlyme.vault.admin import VaultAdmin
    from onlyme.vault.restore import RestoreResult
    from onlyme.vault.store import Store

__all__ = ["back_up", "describe_dump", "forget_in_backups", "restore_whole"]

_MARKER = "backup"
"""The note in a database that says which backup of the vault belongs to a dump of it."""

_BATCH_PEOPLE = 1000


def back_up(settings: Settings, admin: VaultAdmin, path: Path | None = None) -> Path:
    """Write a backup of vault, gallery and events; see `VaultAdmin.backup`.

    A gallery in a database gets a new marker, which the backup holds, too; the database itself is
    dumped afterwards, by its own program (`describe_dump`).

    Raises:
        VaultError: a file or the database cannot be used.
    """
    marker = ""
    if settings.store != "vault" and admin.store.read(*GALLERY_SECRET) is not None:
        marker = os.urandom(16).hex()
        with _open_store(settings) as store:
            store.note(_MARKER, marker.encode(), store.notes().get(_MARKER))
    return admin.backup(path, marker)


def describe_dump(settings: Settings, path: Path) -> str:
    """Say how the database of the gallery is backed up; empty for a gallery beside the vault."""
    if settings.store == "vault":
        return ""
    return (
        f"the gallery is in PostgreSQL: run  pg_dump --format=custom --file={path}.dump DATABASE  "
        "now; the next backup changes the marker that ties the two together"
    )


def restore_whole(
    settings: Settings,
    path: Path,
    authorize: Callable[[str], None],
    *,
    allow_older: bool = False,
    keep_gallery: bool = False,
) -> RestoreResult:
    """Restore a backup with its gallery and its events.

    People who joined the gallery since then leave it, and those who left are back. The events
    continue, as the log does; where their file is gone, it is that of the backup.

    Args:
        settings: name the folder and the key.
        path: the backup.
        authorize: see `onlyme.vault.restore.restore`.
        allow_older: see there.
        keep_gallery: restore the vault alone, and leave the gallery as it is.

    Raises:
        VaultDamaged: the backup is not whole, or the database is not the one of this backup;
            nothing was restored.
        VaultError: the backup, the vault, the gallery or the key cannot be used.
    """

    def check_marker(marker: str) -> None:
        if not keep_gallery:
            _check_marker(settings, marker)

    done = wiring.restore_vault(
        settings, path, authorize, allow_older=allow_older, check_marker=check_marker
    )
    notes = list(done.notes)
    with wiring.open_vault(settings) as admin:
        if "gallery" in done.parts and not keep_gallery:
            notes += _restore_gallery(settings, admin, done.parts["gallery"])
        with suppress(OnlymeError):  # it is back, and can be told of later
            done = replace(done, members=wiring.count_gallery(settings, admin))
        if "events" in done.parts and not (settings.vault / EVENTS_FILE).exists():
            copy_private(done.parts["events"], settings.vault / EVENTS_FILE)
    return replace(done, notes=tuple(notes))


def forget_in_backups(settings: Settings, admin: VaultAdmin, base: Base, name: str) -> list[str]:
    """Erase a person in the galleries and events of all backups; return notes on what stays."""

    def erase_row(copy: Store, path: Path) -> None:
        secret = copy.read(*GALLERY_SECRET)
        if secret is None:
            return
        gallery = Gallery(SqliteStore(path, base.model, len(base.projection)), secret, base)
        try:
            gallery.remove([name])
        finally:
            gallery.close()

    def erase_events(copy: Store, path: Path) -> None:
        secret = copy.read(SECRET_KIND, SECRET_KEY)
        if secret is not None:
            with EventStore(path, secret, settings.events_days) as events:
                events.erase(name)

    notes = admin.change_backups("gallery", erase_row)
    notes += admin.change_backups("events", erase_events)
    return list(dict.fromkeys(notes))


def _check_marker(settings: Settings, marker: str) -> None:
    """Compare the marker of a backup with that of the database.

    Raises:
        VaultDamaged: they differ.
    """
    if settings.store == "vault":
        if marker:
            raise VaultDamaged(
                "the gallery of this backup is in PostgreSQL, and the settings name none: set "
                "`store` (ONLYME_STORE), or add --keep-gallery; nothing was restored"
            )
        return
    with _open_store(settings) as store:
        found = (store.notes().get(_MARKER) or b"").decode("ascii", "replace")
    if marker and found != marker:
        raise VaultDamaged(
            "the database does not hold the gallery of this backup: run pg_restore --clean with "
            "the dump that was made with it, and try again; or add --keep-gallery; nothing was "
            "restored"
        )


@contextmanager
def _open_store(settings: Settings) -> Iterator[TemplateStore]:
    store = wiring.open_template_store(settings, networks.load_base(settings))
    try:
        yield store
    finally:
        store.close()


def _restore_gallery(settings: Settings, admin: VaultAdmin, part: Path) -> list[str]:
    """Make the gallery hold the people of a backup; return notes."""
    base = networks.load_base(settings)
    secret = admin.store.read(*GALLERY_SECRET)
    if secret is None:
        raise VaultDamaged("the vault does not hold the secret of its gallery")
    notes = _set_damaged_aside(settings, base, secret)
    draft = settings.vault / ".restoring-gallery.sqlite"
    _erase(draft)
    copy_private(part, draft)
    enrolled = wiring.make_enrolled(settings, admin, base)
    try:
        backup = Gallery(SqliteStore(draft, base.model, len(base.projection)), secret, base)
        try:
            live = enrolled.ensure_gallery()
            present = {person.name: person.record for person in live.people()}
            batch = []
            for person in backup.people():
                batch.append(replace(person, record=present.pop(person.name, b"")))
                if len(batch) == _BATCH_PEOPLE:
                    live.put(batch)
                    batch = []
            live.put(batch)
            live.remove(present)  # those who were enrolled since
        finally:
            backup.close()
    finally:
        enrolled.close()
        _erase(draft)
    return notes


def _set_damaged_aside(settings: Settings, base: Base, secret: bytes) -> list[str]:
    """Move a gallery that cannot be opened into the folder of backups; return notes."""
    place = wiring.locate_gallery_file(settings)
    if settings.store != "vault" or not place.exists():
        return []
    try:
        gallery = Gallery(SqliteStore(place, base.model, len(base.projection)), secret, base)
        try:
            for _ in gallery.people():
                pass
            gallery.begin()
        finally:
            gallery.close()
    except VaultDamaged:
        folder = settings.vault / "backups"
        make_private_folder(folder)
        aside = folder / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S.%f}Z-gallery-damaged.sqlite"
        for tail in ("", "-wal", "-shm"):
            file = place.with_name(place.name + tail)
            if file.exists():
                move_over(file, aside.with_name(aside.name + tail))
        for derived in settings.vault.glob("gallery.*.*"):  # matrix and index of that file
            derived.unlink()
        return [f"the gallery was damaged; it was moved to {aside}"]
    return []


def _erase(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    for derived in path.parent.glob(f"{path.stem}.*"):
        derived.unlink()
