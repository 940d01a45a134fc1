"""Open the SQLite file under the vault, and say which tables it has."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from onlyme.storage.sqlite import SqliteFile

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["APPLICATION", "VAULT_LAYOUT", "Database", "is_vault"]

APPLICATION = 0x6F6E6D65  # "onme": tells our file from other SQLite files
VAULT_LAYOUT = 2

_SCHEMA = (
    "CREATE TABLE slot (id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL) STRICT",
    "CREATE TABLE manifest (id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL) STRICT",
    "CREATE TABLE record (id BLOB PRIMARY KEY NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE log (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
)


def is_vault(path: Path) -> bool:
    """Whether a file is a vault of today's layout. `Database` would make one of another file.

    SQLite itself reads the file: opening and closing it here would remove the locks that SQLite
    holds on it for other connections of this process (fcntl(2)).
    """
    if not path.is_file():
        return False
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
        try:
            numbers = [
                connection.execute(f"PRAGMA {what}").fetchone()[0]
                for what in ("application_id", "user_version")
            ]
        finally:
            connection.close()
    except sqlite3.Error:
        return False
    return numbers == [APPLICATION, VAULT_LAYOUT]


class Database(SqliteFile):
    """The vault's file; it is made with mode 0600 where it does not exist.

    Args:
        path: the file.

    Raises:
        VaultError: it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, application=APPLICATION, layout=VAULT_LAYOUT, schema=_SCHEMA)
