"""What may be done with what is kept, without looking at anybody.

Forget, revoke, re-key, export, import, back up; who may try again, and what was
tried. Nothing here needs a network, so it works where none can be loaded.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from onlyme.errors import (
    KeyMissing,
    KeyRefused,
    OwnerExists,
    VaultError,
    unknown_owner,
)
from onlyme.gate.audit import Event
from onlyme.storage.files import create_private
from onlyme.types import checked_name
from onlyme.vault.export import open_export, seal_export
from onlyme.vault.key_sources import SCRYPT
from onlyme.vault.store import Store

if TYPE_CHECKING:
    from onlyme.gate.admission import Gate
    from onlyme.storage.template import Template
    from onlyme.vault.key_sources import KeySource, ScryptCost
    from onlyme.vault.store import VaultTransaction

__all__ = ["BACKUP", "DRAFT", "QUARANTINE", "VaultAdmin"]

BACKUP = "backup"
"""Kind of the record that remembers where a backup is."""
DRAFT = ".restoring.sqlite"
"""What a restoring that was broken off leaves in the vault's folder; see `restoring`."""
QUARANTINE = "quarantine"
"""Kind of the record of what a person's template may learn; see `adaptation`."""
_MAX_EXPORT_BYTES = 2**26  # of an export


class VaultAdmin:
    """A vault and its gate, as their owner handles them.

    Args:
        store: the vault.
        gate: counts attempts and writes events down.
    """

    def __init__(self, store: Store, gate: Gate) -> None:
        self.store = store
        self.gate = gate

    def close(self) -> None:
        """Let go of the vault."""
        self.store.close()

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # ------------------------------------------------------------------ owners

    def forget(self, name: str) -> list[str]:
        """Erase everything that is kept of a person, in the vault and in its backups.

        The log keeps that somebody of this name was here: a log that forgets is none.

        Returns:
            Sentences about backups that could not be reached.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
        """
        with self.store.edit() as edit:
            if not edit.delete(name):
                raise unknown_owner(name, self.store.names())
            self._forget_rest(edit, name)
            self.gate.note(edit, Event.FORGET, name)
            backups = edit.keys(BACKUP)
        self.store.scrub()
        for draft in self.store.folder.glob(f"{DRAFT}*"):
            draft.unlink(missing_ok=True)
        return [note for path in backups if (note := self._forget_in(Path(path), name))]

    def revoke(self, name: str) -> None:
        """Draw a new secret rotation for a person: what was stored of them so far is void.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
        """
        with self.store.edit() as edit:
            template = edit.get(name)
            if template is None:
                raise unknown_owner(name, self.store.names())
            edit.put(template)  # every writing draws a new one
            self.gate.note(edit, Event.REVOKE, name)
        self.store.scrub()

    def export(
        self,
        name: str,
        path: Path,
        passphrase: str,
        cost: ScryptCost = SCRYPT,
        *,
        other: Template | None = None,
    ) -> None:
        """Write a person's template to a file, sealed to a passphrase.

        Args:
            name: whose.
            path: a file that is not there yet.
            passphrase: what it is sealed to.
            cost: of stretching the passphrase.
            other: the template of somebody who is not in the vault.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
            KeyRefused: the passphrase is empty.
            VaultError: the file is there already, or cannot be written.
        """
        with self.store.edit() as edit:
            template = edit.get(name) or other
            if template is None:
                raise unknown_owner(name, self.store.names())
            sealed = seal_export(template, passphrase, cost)
            self.gate.note(edit, Event.EXPORT, name, str(path))
            _write_new(path, sealed)

    def import_(
        self, path: Path, passphrase: str, *, name: str | None = None, replace_: bool = False
    ) -> str:
        """Take over a template that `export` wrote; return whose it is.

        Args:
            path: the file.
            passphrase: what it was sealed to.
            name: what to call the person here; by default as there.
            replace_: forget whoever has that name here.

        Raises:
            OwnerExists: the name is taken.
            KeyRefused: the passphrase is another, or the file was changed.
            VaultError: it cannot be read, or is no export.
        """
        try:
            with path.open("rb") as file:
                data = file.read(_MAX_EXPORT_BYTES)
        except OSError as error:
            raise VaultError(f"{path}: {error.strerror}") from None
        return self.import_sealed(data, passphrase, str(path), name=name, replace_=replace_)

    def import_sealed(
        self,
        data: bytes,
        passphrase: str,
        source: str,
        *,
        name: str | None = None,
        replace_: bool = False,
    ) -> str:
        """Take over what an export's file holds; see `import_`.

        Args:
            data: the file's content.
            passphrase: what it was sealed to.
            source: where it comes from, for the log.
            name: what to call the person here; by default as there.
            replace_: forget whoever has that name here.

        Raises:
            OwnerExists: the name is taken.
            KeyRefused: the passphrase is another, or the content was changed.
            VaultError: it is no export.
        """
        template = open_export(data, passphrase)
        template = replace(template, name=checked_name(name or template.name))
        with self.store.edit() as edit:
            if edit.get(template.name) is not None and not replace_:
                raise OwnerExists(
                    f"{template.name} is enrolled already; choose another name (--name) "
                    "or start over (--replace)"
                )
            edit.put(template)
            self.gate.note(edit, Event.IMPORT, template.name, source)
        return template.name

    # ------------------------------------------------------------------- vault

    def rekey(self, source: KeySource | None = None) -> None:
        """Draw new keys and seal everything with them, held by another source if one is given.

        Raises:
            KeyMissing, KeyRefused: no key can be had from there.
        """
        self.store.rekey(source)
        with self.store.edit() as edit:
            self.gate.note(edit, Event.REKEY, detail=self.store.kind)

    def backup(self, path: Path | None = None) -> Path:
        """Copy the vault, sealed as it is, also while it is in use; return where to.

        The key is not in it: keep that apart. The vault remembers where its backups are, so
        that `forget` reaches them.

        Args:
            path: a file that is not there yet; by default one in `backups` beside the vault.

        Raises:
            VaultError: the file is there already, or cannot be written.
        """
        if path is None:
            folder = self.store.folder / "backups"
            folder.mkdir(mode=0o700, exist_ok=True)
            path = folder / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}Z.sqlite"
        path = path.absolute()
        with self.store.edit() as edit:
            edit.write(BACKUP, str(path), b"")
            self.gate.note(edit, Event.BACKUP, detail=str(path))
        _write_new(path, b"")
        self.store.copy_to(path)
        return path

    def _forget_rest(self, edit: VaultTransaction, name: str) -> None:
        self.gate.forget(edit, name)
        edit.remove(QUARANTINE, name)

    def _forget_in(self, path: Path, name: str) -> str:
        """Erase a person from a backup; return a sentence if that could not be done."""
        if not path.exists():
            return f"the backup {path} is not there; if it was moved, {name} is still in it"
        try:
            copy = Store(self.store.folder, self.store.source, file=path)
            try:
                with copy.edit() as edit:
                    edit.delete(name)
                    self._forget_rest(edit, name)
                copy.scrub()
            finally:
                copy.close()
        except (KeyMissing, KeyRefused):
            path.unlink()
            return f"the backup {path} was sealed with an earlier key, and is deleted"
        except VaultError as error:
            return f"the backup {path} cannot be changed: {error}"
        return ""


def _write_new(path: Path, content: bytes) -> None:
    try:
        create_private(path, content)
    except FileExistsError:
        raise VaultError(f"{path} is there already; choose another file") from None
    except OSError as error:
        raise VaultError(f"{path}: {error.strerror}") from None
