"""Store every owner's template in one encrypted file: the vault.

The file holds the key slot, the manifest, sealed records and a sealed log; see
`onlyme.vault.records`. Templates are rotated before they are sealed; see `onlyme.vault.protection`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from onlyme.errors import KeyRefused, VaultDamaged
from onlyme.storage.files import make_private_folder
from onlyme.storage.sqlite_errors import translate_sqlite_errors
from onlyme.storage.template import to_bytes
from onlyme.vault import migrate
from onlyme.vault.database import VAULT_LAYOUT, Database
from onlyme.vault.key_slot import KeySlot
from onlyme.vault.key_sources import KeyFile
from onlyme.vault.manifest import Manifest
from onlyme.vault.protection import protect
from onlyme.vault.records import SealedRecords
from onlyme.vault.rollback import RollbackCounter
from onlyme.vault.transaction import TEMPLATE_KIND, VaultTransaction, read_template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from threading import RLock

    from onlyme.storage.crypto import Keys
    from onlyme.storage.template import Template
    from onlyme.vault.key_sources import KeySource

__all__ = ["Store"]

_ROTATED = (TEMPLATE_KIND, "quarantine")
"""Kinds of records that are templates, and therefore rotated."""

_KEY_NAMES = {"file": "key file", "keyring": "entry in the keyring"}
"""What messages call the key of each kind of source."""


class Store:
    """The vault in one folder; any number of threads and processes may use it.

    Args:
        folder: it is made with mode 0700 where it does not exist.
        sources: where its key may come from, at most one of each kind. A new vault uses the
            first; by default it is a file in the folder, which is made without asking.
        anchor: a file that notices when the whole vault is replaced by an older copy; best
            where a program that can write to the folder cannot write.
        file: open this file, such as a backup, in place of the vault's own.

    Raises:
        VaultError: the folder is another user's, open to others, or cannot be used.
        VaultDamaged: the file in it is not a vault of onlyme, or was tampered with.
        KeyMissing, KeyRefused: its key cannot be used; the vault does not open.
    """

    def __init__(
        self,
        folder: Path,
        *sources: KeySource,
        anchor: Path | None = None,
        file: Path | None = None,
    ) -> None:
        self.folder = folder
        self.path = file or folder / "vault.sqlite"
        self._sources: tuple[KeySource, ...] = sources or (KeyFile(folder / "vault.key"),)
        self.source = self._sources[0]
        self._anchor = RollbackCounter(anchor) if anchor else None
        self._slot: KeySlot | None = None
        self._keys: Keys
        self._manifest: Manifest | None = None
        self._version = -1
        self._counter = 0
        make_private_folder(folder)
        self._database = Database(self.path)
        self.unwritable = self._database.unwritable  # why it can only be read
        try:
            with translate_sqlite_errors(self.path):
                self._set_up()
        except BaseException:
            self._database.close()
            raise

    @property
    def lock(self) -> RLock:
        """Held by a thread while it reads or changes the vault."""
        return self._database.lock

    def close(self) -> None:
        """Close the file and drop the key. Further calls raise VaultError."""
        with translate_sqlite_errors(self.path), self._database.lock:
            self._database.close()
            self._manifest = None
            self.__dict__.pop("_keys", None)

    # --------------------------------------------------------------- templates

    def get(self, name: str, kind: str = TEMPLATE_KIND) -> Template | None:
        """Return an owner's template, or None; of another kind, what is stored beside it.

        Raises:
            VaultBusy, VaultDamaged, VaultError: it could not be read.
        """
        with self._start_reading() as book:
            return read_template(book, self._keys, name, kind)

    def version(self, name: str) -> int | None:
        """Return a number that grows with each change of an owner, by any process.

        None if no such person is enrolled.
        """
        with self._start_reading() as book:
            return book.find_counter(TEMPLATE_KIND, name)

    def names(self) -> list[str]:
        """Return every owner's name in order."""
        with self._start_reading() as book:
            return book.keys(TEMPLATE_KIND)

    @contextmanager
    def edit(self, *, durable: bool = True) -> Iterator[VaultTransaction]:
        """Read and change as one transaction: all of it, or on any exception nothing.

        Args:
            durable: wait until the disk has it; see `SqliteFile.start_writing`.

        Raises:
            VaultBusy: another process used it for more than ten seconds.
            VaultDamaged, VaultError: it could not be read or written.
        """
        # The lock spans both: no other thread may go by the manifest from before the change.
        with translate_sqlite_errors(self.path), self._database.lock:
            with self._database.start_writing(durable=durable):
                self._refresh()
                assert self._manifest is not None  # noqa: S101 - for the type checker
                book = SealedRecords(self._database, self._keys, self._manifest.copy())
                yield VaultTransaction(book, self._keys, self.folder)
                book.finish()
            self._remember(book.manifest, durable=durable)

    # ----------------------------------------------------------------- records

    def read(self, kind: str, key: str) -> bytes | None:
        """Return a sealed record of any kind, or None."""
        with self._start_reading() as book:
            return book.get(kind, key)

    def keys(self, kind: str) -> list[str]:
        """Return the keys of all records of a kind."""
        with self._start_reading() as book:
            return book.keys(kind)

    def log(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and body of every entry of the log, beginning with the first ever.

        Raises:
            VaultDamaged: an entry was changed, removed, added, moved or cut off. The entries
                before it are good.
        """
        entries, failure = list[tuple[int, bytes]](), None
        # All are read at once: a transaction must not stay open while the caller thinks.
        with self._start_reading() as book:
            try:
                entries.extend(book.archived_entries(self.folder))
                entries.extend(book.entries())
            except VaultDamaged as error:
                failure = error
        yield from entries
        if failure is not None:
            raise failure

    # --------------------------------------------------------------------- key

    @property
    def kind(self) -> str:
        """What holds the key: `file`, `keyring`, `passphrase` or `credential`."""
        assert self._slot is not None  # noqa: S101 - for the type checker
        return self._slot.kind

    @property
    def bound(self) -> str:
        """What a credential is bound to; empty for other keys."""
        return str(self._slot.params.get("bound", "")) if self._slot else ""

    @property
    def needs_rekey(self) -> bool:
        """Whether a new key would be better protected than this one."""
        assert self._slot is not None  # noqa: S101 - for the type checker
        return self.source.is_outdated(self._slot.params)

    @property
    def counter(self) -> int:
        """How many times the vault was changed."""
        with self._start_reading() as book:
            return book.manifest.counter

    @property
    def identity(self) -> bytes:
        """16 random bytes, drawn when the vault was made."""
        assert self._slot is not None  # noqa: S101 - for the type checker
        return self._slot.vault

    def check(self) -> None:
        """Open every record, and every entry of the log in the vault's own file.

        Raises:
            VaultDamaged: one does not open.
        """
        with self._start_reading() as book:
            for listed in book.manifest.records.values():
                book.get(listed.kind, listed.key)
            list(book.entries())

    def rekey(self, source: KeySource | None = None) -> list[str]:
        """Draw new keys and seal everything with them: completely, or not at all.

        Args:
            source: what holds the key from now on; by default what holds it now.

        Returns:
            The notes of `scrub`.

        Raises:
            KeyMissing, KeyRefused: the source gives no key.
        """
        new = source or self.source
        with translate_sqlite_errors(self.path), self._database.lock:
            with self._database.start_writing():
                self._refresh()
                old_slot, old_keys, old = self._slot, self._keys, self.source
                assert old_slot is not None  # noqa: S101 - for the type checker
                params, key = new.make(replace=True)
                keys = KeySlot.draw_keys(old_slot.vault)
                book = SealedRecords(self._database, old_keys, None)
                templates = [
                    (kind, read_template(book, old_keys, name, kind))
                    for kind in _ROTATED
                    for name in book.keys(kind)
                ]
                book = book.reseal(keys)
                for kind, template in templates:
                    assert template is not None  # noqa: S101 - for the type checker
                    book.put(kind, template.name, to_bytes(protect(template, keys)))
                book.finish()
                slot = KeySlot.make(keys, new.kind, params, key)
                self._write_slot(slot)
            self._slot, self._keys, self.source = slot, keys, new
            self._sources = (new, *(s for s in self._sources if s.kind != new.kind))
            self._remember(book.manifest, durable=True)
            new.settle(key)
            # A credential that is sealed anew takes the place of the old one: nothing is left.
            is_replaced = old.kind == new.kind == "credential" and old.path == new.path  # type: ignore[attr-defined]  # a Credential
            changed = (old.kind, old) != (new.kind, new) or old_slot.params != slot.params
            if changed and not is_replaced:
                old.discard(old_slot.params)
        return self.scrub()

    def scrub(self) -> list[str]:
        """Remove what was deleted or replaced, or return a note; see `SqliteFile.scrub`."""
        with translate_sqlite_errors(self.path):
            return self._database.scrub()

    def copy_to(self, path: Path) -> None:
        """Copy the vault's file, encrypted as it is, also while other processes use it."""
        with translate_sqlite_errors(self.path):
            self._database.copy_to(path)

    # ------------------------------------------------------------------ within

    def _set_up(self) -> None:
        if self._database.layout != VAULT_LAYOUT:
            self._make()
        with self._database.start_reading():
            self._refresh()

    def _make(self) -> None:
        """Make an empty vault, or convert one of the first format."""
        with self._database.start_writing():
            layout = self._database.layout
            if layout == VAULT_LAYOUT:  # another process made it first
                return
            if layout not in {0, migrate.FIRST_LAYOUT}:
                raise VaultDamaged(
                    f"{self.path} is a database, but not a vault that this onlyme can read"
                )
            templates = migrate.read_templates(self._database, self.source) if layout else []
            params, key = self.source.make(replace=False)
            keys = KeySlot.draw_keys()
            if layout:
                migrate.clear(self._database)
            self._database.create_tables()
            book = SealedRecords(self._database, keys, Manifest(counter=1))
            book.changed = True
            edit = VaultTransaction(book, keys, self.folder)
            for template in templates:
                edit.put(template)
            book.finish()
            self._write_slot(KeySlot.make(keys, self.source.kind, params, key))
        if layout:
            self._database.scrub()

    def _write_slot(self, slot: KeySlot) -> None:
        self._database.run("INSERT OR REPLACE INTO slot VALUES (1, ?)", (slot.to_bytes(),))

    @contextmanager
    def _start_reading(self) -> Iterator[SealedRecords]:
        with translate_sqlite_errors(self.path), self._database.start_reading():
            self._refresh()
            assert self._manifest is not None  # noqa: S101 - for the type checker
            yield SealedRecords(self._database, self._keys, self._manifest)

    def _refresh(self) -> None:
        """Read the manifest again if another process changed the file."""
        version = self._database.version
        if self._manifest is not None and version == self._version:
            return
        if self._database.layout != VAULT_LAYOUT:
            raise VaultDamaged(f"{self.path} is no longer a vault")
        row = self._database.run("SELECT body FROM slot WHERE id = 1").fetchone()
        if row is None:
            raise VaultDamaged(f"the key slot of {self.path} is missing")
        slot = KeySlot.from_bytes(row[0])
        if self._slot is None or slot != self._slot:
            self._keys = self._unlock(slot)
            self._slot = slot
        manifest = SealedRecords(self._database, self._keys).manifest
        if manifest.counter < self._counter:
            raise VaultDamaged(f"{self.path} was rolled back to an older copy")
        if self._anchor:
            self._anchor.check(slot.vault, manifest.counter)
        self._manifest, self._version, self._counter = manifest, version, manifest.counter

    def _unlock(self, slot: KeySlot) -> Keys:
        source = next((source for source in self._sources if source.kind == slot.kind), None)
        if source is None:
            kinds = " or ".join(source.kind for source in self._sources)
            raise KeyRefused(
                f"the vault {self.folder} has key: {slot.kind}, and the settings allow only key: "
                f"{kinds}; if this is your vault, set `key` (ONLYME_KEY) to {slot.kind}"
            )
        for key in source.candidates(slot):
            if slot.fits(key):
                self.source = source
                source.settle(key)
                return slot.open_keys(key)
        name = _KEY_NAMES.get(slot.kind, slot.kind)
        raise KeyRefused(f"the vault {self.folder} does not open: wrong {name}")

    def _remember(self, manifest: Manifest, *, durable: bool) -> None:
        self._manifest, self._counter = manifest, manifest.counter
        if self._anchor and self._slot and durable:  # only what the disk has
            self._anchor.advance(self._slot.vault, manifest.counter)
