"""From the first format, which lay unsealed in SQLite, to the present one."""

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

# What the first format stored of people, without saying so.
_SECRET = {
    "me": "me",
    "learned.template": "me",
    "not_me": "others",
    "look_alikes": "others",
    "learned.given": "others",
}


def read_templates(database: Database, source: KeySource) -> list[Template]:
    """Read every template of the first format.

    They may be sealed with a new key file only. Where a key exists the vault was sealed
    once, and an unsealed one in its place is an attack: it would bring templates that
    nobody enrolled here. A key file tells (`KeyFile.make`), the other kinds do not.

    Raises:
        VaultError: another kind of key is asked for.
        VaultDamaged: a template is damaged.
    """
    if source.kind != "file":
        raise VaultError(
            f"{database.path} is of the first format; open it once with a key file, "
            f"then `onlyme rekey --to {source.kind}`"
        )
    read = []
    for owner, body in database.run("SELECT owner, body FROM template ORDER BY owner"):
        if not isinstance(body, bytes):
            raise VaultDamaged("a template is damaged: it is no bytes")
        template = from_bytes(body)
        if template.name != owner:
            raise VaultDamaged(f"the template stored for {owner!r} is somebody else's")
        secret = {key: group for key, group in _SECRET.items() if key in template.values}
        read.append(replace(template, secret=secret))
    return read


def clear(database: Database) -> None:
    """Remove the first format's table, within the transaction that stores its templates anew."""
    database.run("DROP TABLE template")
