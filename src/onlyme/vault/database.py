"""The SQLite file under the vault: its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.sqlite import SqliteFile

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["APPLICATION", "LAYOUT", "Database", "is_vault"]

APPLICATION = 0x6F6E6D65  # "onme": tells our file from any other SQLite file
LAYOUT = 2

_SCHEMA = (
    "CREATE TABLE slot (id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL) STRICT",
    "CREATE TABLE manifest (id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL) STRICT",
    "CREATE TABLE record (id BLOB PRIMARY KEY NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE log (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
)


_MAGIC = b"SQLite format 3\0"


def is_vault(head: bytes) -> bool:
    """Whether a file that begins with these 100 bytes is a vault of today's layout.

    Opening anything else would make a vault of it.
    """
    layout, application = (int.from_bytes(head[at : at + 4], "big") for at in (60, 68))
    return head[:16] == _MAGIC and (layout, application) == (LAYOUT, APPLICATION)


class Database(SqliteFile):
    """The vault's file, made with mode 0600 where it does not exist.

    Args:
        path: the file.

    Raises:
        VaultError: it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, application=APPLICATION, layout=LAYOUT, schema=_SCHEMA)
