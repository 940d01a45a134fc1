"""Manage a vault: forget, revoke, export, import and back up people, and change the key.

Nothing here needs a model or a photo, so it works where no model can be loaded.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from onlyme.errors import (
    OnlymeError,
    OwnerExists,
    VaultError,
    refuse_gallery,
    refuse_twice,
    unknown_owner,
)
from onlyme.gate.audit import Event
from onlyme.storage.sqlite_errors import RETRY
from onlyme.types import checked_name
from onlyme.vault.backup import (
    BACKUP,
    QUARANTINE,
    TOLD_EYES,
    back_up,
    change_backups,
    forget_in,
    forget_rest,
    write_new,
)
from onlyme.vault.export import open_export, read_export, seal_export
from onlyme.vault.key_sources import SCRYPT
from onlyme.vault.store import Store  # noqa: TC001 - the example of VaultAdmin uses it

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.gate.admission import Gate
    from onlyme.storage.template import Template
    from onlyme.vault.key_sources import KeySource, ScryptCost
    from onlyme.vault.transaction import VaultTransaction

__all__ = ["BACKUP", "DRAFT", "FORMER", "QUARANTINE", "TOLD_EYES", "VaultAdmin", "note_former_name"]

DRAFT = ".restoring.sqlite"
"""What an interrupted restore leaves in the vault's folder; see `onlyme.vault.restore`."""
FORMER = "former names"
"""Kind of the record of the names that a person had before, under which old backups hold them."""

_REVOKE_ALL = "whose secrets are renewed together: run `onlyme store revoke`"


class VaultAdmin:
    """Manage the people, backups and key of a vault. `FaceID.admin` is one.

    - `forget` erases a person, also in backups.
    - `revoke` makes stolen copies of a person's template useless.
    - `export`, `import_` and `import_sealed` take a person to another vault.
    - `backup` copies vault, gallery and events; `onlyme.vault.restore.restore` puts a backup back.
    - `change_backups` changes the galleries and events in backups.
    - `rekey` changes the vault's key, or what holds it.
    - `note_setting` logs that a setting was changed.
    - `close` closes the vault, as the end of a `with` block does.

    Each of them adds a line to the log. `make_missing` says of a name that no owner has it.

    Args:
        store: the vault.
        gate: its gate.
        relearn: learns an imported template again, so that it keeps its faces only. What else it
            brings was chosen where it was exported: alpha, and the scale that says what alpha
            promises. Without it templates are stored as they come.
        is_in_gallery: returns whether a person of a name is in the gallery beside the vault.
        refuse_known: refuses an imported template whose person has another name here.

    Attributes:
        store: the `onlyme.vault.store.Store`: who is enrolled, templates, sealed records.
        gate: the `onlyme.gate.admission.Gate`: who may try again (`allowances`, `reset`), and
            the log (`audit`).

    >>> from tempfile import TemporaryDirectory
    >>> from onlyme.gate.admission import Gate
    >>> with TemporaryDirectory() as folder:
    ...     store = Store(Path(folder) / "vault")
    ...     with VaultAdmin(store, Gate(store)) as admin:
    ...         copy = admin.backup()
    ...         print(copy.parent.name, [str(line.event) for line in admin.gate.audit.entries()])
    backups ['backup']
    """

    def __init__(
        self,
        store: Store,
        gate: Gate,
        relearn: Callable[[Template], Template] | None = None,
        is_in_gallery: Callable[[str], bool] = lambda _: False,
        refuse_known: Callable[[Template], None] = lambda _: None,
    ) -> None:
        self.store = store
        self.gate = gate
        self._relearn = relearn
        self._is_in_gallery = is_in_gallery
        self._refuse_known = refuse_known

    def close(self) -> None:
        """Close the vault."""
        self.store.close()

    def __enter__(self) -> Self:
        """Return itself; the end of the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # ------------------------------------------------------------------ owners

    def make_missing(self, name: str, instead: str) -> OnlymeError:
        """Make the error for a name that no owner has: in the gallery, or not enrolled.

        Args:
            name: whom the caller looked for.
            instead: what serves people of the gallery; see `onlyme.errors.refuse_gallery`.
        """
        in_gallery = False
        with suppress(OnlymeError):  # a gallery that cannot be used is said by what needs it
            in_gallery = self._is_in_gallery(name)
        try:
            refuse_gallery(name, in_gallery=in_gallery, instead=instead)
        except OnlymeError as error:
            return error
        return unknown_owner(name, self.store.names())

    def forget(self, name: str) -> list[str]:
        """Erase everything that is stored of a person, in the vault and in its backups.

        Their name stays in the log: nothing is ever removed from the log.

        Args:
            name: whom to erase.

        Returns:
            Sentences about what could not be erased, such as backups that were moved.

        Raises:
            UnknownOwner: no person of that name is enrolled.
        """
        with self.store.edit() as edit:
            if not edit.delete(name):
                raise unknown_owner(name, self.store.names())
            forget_rest(self.gate, edit, name)
            self.gate.note(edit, Event.FORGET, name)
            former = _read_names(edit.read(FORMER, name))
            edit.remove(FORMER, name)
            taken = [each for each in former if edit.get(each) is not None]
            backups = [(path, edit.read(BACKUP, path)) for path in edit.keys(BACKUP)]
        notes = self.store.scrub()
        if backups and taken:
            notes.append(
                f"backups from before {name} was renamed may still hold this person as "
                f"{' and '.join(taken)}, a name that another person has now; make new backups and "
                "delete those"
            )
        for draft in self.store.folder.glob(f"{DRAFT}*"):
            draft.unlink(missing_ok=True)
        names = [name, *(each for each in former if each not in taken)]
        for path, body in backups:
            notes += forget_in(self.store, self.gate, Path(path), names, body)
        return notes

    def note_setting(self, change: str) -> None:
        """Log that a setting was changed; settings themselves are not in the vault."""
        with self.store.edit() as edit:
            self.gate.note(edit, Event.SETTING, detail=change)

    def revoke(self, name: str) -> list[str]:
        """Store a person's template with a new secret: it still works, stolen copies do not.

        Vectors that were stored before can no longer be compared with those stored now
        (ISO/IEC 24745; see `onlyme.storage.rotation`).

        Args:
            name: whose template.

        Returns:
            A sentence if remnants of the earlier template stay; see `Store.scrub`.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            UsageError: the person is in the gallery, where all secrets are renewed together.
        """
        with self.store.edit() as edit:
            template = edit.get(name)
            if template is None:
                raise self.make_missing(name, _REVOKE_ALL)
            edit.put(template)  # each write draws a new secret
            self.gate.note(edit, Event.REVOKE, name)
        return self.store.scrub()

    def export(
        self,
        name: str,
        path: Path,
        passphrase: str,
        cost: ScryptCost = SCRYPT,
        *,
        other: Template | None = None,
    ) -> None:
        """Write a person's template to a file that only a passphrase opens.

        Args:
            name: whose template.
            path: a file that does not exist yet.
            passphrase: opens the file.
            cost: of each guess at the passphrase.
            other: the template of a person who is not in the vault but in the gallery.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            KeyRefused: the passphrase is too short.
            VaultError: the file exists, or cannot be written.
        """
        with self.store.edit() as edit:
            template = edit.get(name) or other
            if template is None:
                raise unknown_owner(name, self.store.names())
            sealed = seal_export(template, passphrase, cost)
            self.gate.note(edit, Event.EXPORT, name, str(path))
            write_new(path, sealed)

    def import_(
        self,
        path: Path,
        passphrase: str,
        *,
        name: str | None = None,
        replace_: bool = False,
        anyway: bool = False,
    ) -> str:
        """Enroll a person from a file that `export` wrote; alpha is set anew.

        Args:
            path: the file.
            passphrase: what opens it.
            name: what to call the person here; by default the exported name.
            replace_: replace a person who has that name here.
            anyway: import a person who is enrolled under another name.

        Returns:
            The name under which the person is enrolled.

        Raises:
            OwnerExists: the name is taken, here or in the gallery.
            SamePerson: the person is enrolled under another name.
            KeyRefused: the passphrase is wrong, or the file was changed.
            NeedsReenroll: another network made it.
            VaultError: it cannot be read, or is not an export.
        """
        data = read_export(path)
        return self.import_sealed(
            data, passphrase, str(path), name=name, replace_=replace_, anyway=anyway
        )

    def import_sealed(
        self,
        data: bytes,
        passphrase: str,
        source: str,
        *,
        name: str | None = None,
        replace_: bool = False,
        anyway: bool = False,
    ) -> str:
        """Enroll a person from the content of an exported file; see `import_`.

        Args:
            data: the file's content.
            passphrase: what opens it.
            source: where it comes from, for the log.
            name: what to call the person here; by default the exported name.
            replace_: replace a person who has that name here.
            anyway: import a person who is enrolled under another name.

        Returns:
            The name under which the person is enrolled.

        Raises:
            OwnerExists: the name is taken, here or in the gallery.
            SamePerson: the person is enrolled under another name.
            KeyRefused: the passphrase is wrong, or the content was changed.
            NeedsReenroll: another network made it.
            VaultError: it is not an export.
        """
        template = open_export(data, passphrase)
        template = replace(template, name=checked_name(name or template.name))
        if self.store.version(template.name) is not None and not replace_:
            raise _make_taken(template.name)
        if self.store.version(template.name) is None:
            refuse_twice(template.name, in_gallery=self._is_in_gallery(template.name))
        if self._relearn is not None:
            template = self._relearn(template)
        if not anyway:
            self._refuse_known(template)
        with self.store.edit() as edit:
            if edit.get(template.name) is not None and not replace_:
                raise _make_taken(template.name)
            edit.put(template)
            self.gate.note(edit, Event.IMPORT, template.name, source)
        return template.name

    # ------------------------------------------------------------------- vault

    def rekey(self, source: KeySource | None = None) -> list[str]:
        """Draw new keys and encrypt everything with them.

        Args:
            source: what holds the key from now on, such as
                `onlyme.vault.key_sources.Passphrase`; by default what holds it now.

        Returns:
            A sentence if remnants of what was encrypted before stay (see `Store.scrub`), or if the
            disk has no room for the log's line.

        Raises:
            KeyMissing, KeyRefused: the source gives no key.
        """
        notes = self.store.rekey(source)
        try:
            with self.store.edit() as edit:
                self.gate.note(edit, Event.REKEY, detail=self.store.kind)
        except VaultError as error:  # the keys are new already, and an error would deny that
            why = str(error).removesuffix(RETRY)
            notes.append(f"the keys are new, but the log has no line for that: {why}")
        return notes

    def backup(self, path: Path | None = None, marker: str = "") -> Path:
        """Copy vault, gallery and events, encrypted as they are and as they are at one moment.

        Others may use them meanwhile; who wants to change the gallery or the events waits. The
        key is not in the copy: keep it in another place. The vault remembers where its backups
        are, so that `forget` can change them. A vault that can only be read does not.

        Args:
            path: a file that does not exist yet; by default one in `backups` beside the vault.
                The copies of gallery and events lie beside it; see `onlyme.vault.parts`.
            marker: what the database of the gallery holds, so that a restore can compare it;
                empty without a database.

        Returns:
            The path of the backup.

        Raises:
            VaultError: the file exists, or cannot be written.
        """
        return back_up(self.store, self.gate, path, marker)

    def change_backups(self, suffix: str, change: Callable[[Store, Path], None]) -> list[str]:
        """Change one part of every backup that this vault knows, such as its gallery.

        Args:
            suffix: of the part; see `onlyme.vault.parts`.
            change: called with the vault of a backup and the file to change.

        Returns:
            Sentences about backups that could not be changed.
        """
        return change_backups(self.store, suffix, change)


def note_former_name(edit: VaultTransaction, old: str, new: str) -> None:
    """Remember a person's earlier name, under which backups may hold them."""
    former = [*_read_names(edit.read(FORMER, new)), *_read_names(edit.read(FORMER, old)), old]
    edit.remove(FORMER, old)
    edit.write(FORMER, new, json.dumps(sorted(set(former) - {new})).encode())


def _read_names(body: bytes | None) -> list[str]:
    return [] if body is None else [str(name) for name in json.loads(body)]


def _make_taken(name: str) -> OwnerExists:
    return OwnerExists(
        f"{name} is enrolled already; choose another name (--name) or start over (--replace)"
    )
