"""Read vaults of the first format, which was not encrypted, to store them in the present one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from onlyme.errors import VaultDamaged, VaultError
from onlyme.storage.template import from_bytes

if TYPE_CHECKING:
    from onlyme.storage.template import Template
    from onlyme.vault.database import Database
    from onlyme.vault.key_sources import KeySource

__all__ = ["FIRST_LAYOUT", "clear", "read_templates"]

FIRST_LAYOUT = 1

# The vectors of people in the first format, which did not mark them.
_SECRET = {
    "me": "me",
    "learned.template": "me",
    "not_me": "others",
    "look_alikes": "others",
    "learned.given": "others",
}


def read_templates(database: Database, source: KeySource) -> list[Template]:
    """Read every template of the first format.

    They may be encrypted with a new key file only. Where a key exists, the vault was encrypted
    before, and a plain one in its place is an attack: it would bring templates that were never
    enrolled here. A key file shows that (`KeyFile.make`), the other kinds do not.

    Raises:
        VaultError: another kind of key is asked for.
        VaultDamaged: a template is damaged.
    """
    if source.kind != "file":
        raise VaultError(
            f"{database.path} has the first format; open it once with a key file "
            f"(ONLYME_KEY=file), then run `onlyme rekey --to {source.kind}`"
        )
    read = []
    for owner, body in database.run("SELECT owner, body FROM template ORDER BY owner"):
        if not isinstance(body, bytes):
            raise VaultDamaged("a template is damaged: it does not hold bytes")
        template = from_bytes(body)
        if template.name != owner:
            raise VaultDamaged(f"the template stored for {owner!r} is another person's")
        secret = {key: group for key, group in _SECRET.items() if key in template.values}
        read.append(replace(template, secret=secret))
    return read


def clear(database: Database) -> None:
    """Remove the first format's table, within the transaction that stores its templates again."""
    database.run("DROP TABLE template")
