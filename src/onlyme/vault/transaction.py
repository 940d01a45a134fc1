"""Read and change templates and sealed records within one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onlyme.errors import VaultDamaged
from onlyme.storage.template import from_bytes, to_bytes
from onlyme.vault.protection import protect, unprotect

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme.storage.crypto import Keys
    from onlyme.storage.template import Template
    from onlyme.vault.records import SealedRecords

__all__ = ["TEMPLATE_KIND", "VaultTransaction", "read_template"]

TEMPLATE_KIND: Final = "template"
"""The kind of the records that are owners' templates."""


class VaultTransaction:
    """One transaction: no other process changes the vault before it ends.

    It reads and writes templates and sealed records of any kind, and adds to the log.

    Args:
        records: what the vault holds.
        keys: of the vault.
        folder: of the vault.
    """

    def __init__(self, records: SealedRecords, keys: Keys, folder: Path) -> None:
        self._folder = folder
        self._book = records
        self._keys = keys
        self.read = records.get
        self.write = records.put
        self.remove = records.delete
        self.keys = records.keys
        self.append = records.append
        self.entries = records.entries

    def get(self, name: str, kind: str = TEMPLATE_KIND) -> Template | None:
        """Return an owner's template, or None; or a quarantine, which is stored like one."""
        return read_template(self._book, self._keys, name, kind)

    def put(self, template: Template, kind: str = TEMPLATE_KIND) -> None:
        """Write an owner's template in place of any earlier one, with a new rotation."""
        body = to_bytes(protect(template, self._keys))
        self._book.put(kind, template.name, body)

    def delete(self, name: str) -> bool:
        """Remove an owner; return whether there was one."""
        return self._book.delete(TEMPLATE_KIND, name)

    def catch_up(self, counter: int) -> None:
        """Make the vault's counter higher than this one when the transaction ends."""
        self._book.manifest.counter = max(self._book.manifest.counter, counter)

    def archive(self, keep: int, more_than: int) -> bool:
        """Move the entries of the log to a file, except the newest `keep`.

        Returns:
            Whether it did: only if there are more than `more_than`.
        """
        log = self._book.manifest.log
        if log.following - log.first <= more_than:
            return False
        return self._book.archive(self._folder, keep) is not None


def read_template(
    records: SealedRecords, keys: Keys, name: str, kind: str = TEMPLATE_KIND
) -> Template | None:
    """Return the template of a person, or None.

    Raises:
        VaultDamaged: what is stored under this name is another person's.
    """
    body = records.get(kind, name)
    if body is None:
        return None
    template = unprotect(from_bytes(body), keys)
    if template.name != name:
        raise VaultDamaged(f"the template stored for {name!r} is another person's")
    return template
