"""Open the SQLite file under the vault, and say which tables it has."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from onlyme.storage.sqlite import SqliteFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["APPLICATION", "VAULT_LAYOUT", "Database", "is_vault", "read_slot"]

APPLICATION = 0x6F6E6D65  # "onme": tells our file from other SQLite files
VAULT_LAYOUT = 2

_SCHEMAS = {
    1: (
        (
            "CREATE TABLE template ( owner TEXT PRIMARY KEY NOT NULL, body BLOB NOT NULL ) "
            "STRICT, WITHOUT ROWID"
        ),
    ),
    VAULT_LAYOUT: (
        "CREATE TABLE slot (id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL) STRICT",
        "CREATE TABLE manifest (id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL) STRICT",
        (
            "CREATE TABLE record (id BLOB PRIMARY KEY NOT NULL, body BLOB NOT NULL) "
            "STRICT, WITHOUT ROWID"
        ),
        "CREATE TABLE log (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
    ),
}


def is_vault(path: Path) -> bool:
    """Whether a file is a vault of today's layout. `Database` would make one of another file."""
    if not path.is_file():
        return False
    with suppress(sqlite3.Error), _open_existing(path) as connection:
        return _has_vault_numbers(connection)
    return False


def read_slot(path: Path) -> bytes | None:
    """Return the key slot of a vault of today's layout; nothing of the vault is changed.

    Returns:
        None for a link, for what is not a vault, and for what cannot be read.
    """
    if path.is_symlink() or not path.is_file():
        return None
    with suppress(sqlite3.Error), _open_existing(path) as connection:
        if _has_vault_numbers(connection):
            row = connection.execute("SELECT body FROM slot WHERE id = 1").fetchone()
            return row[0] if row and isinstance(row[0], bytes) else None
    return None


def _has_vault_numbers(connection: sqlite3.Connection) -> bool:
    return [
        connection.execute(f"PRAGMA {what}").fetchone()[0]
        for what in ("application_id", "user_version")
    ] == [APPLICATION, VAULT_LAYOUT]


@contextmanager
def _open_existing(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file of SQLite, to read a little of it.

    SQLite itself reads the file: opening and closing it here would remove the locks that SQLite
    holds on it for other connections of this process (fcntl(2)).
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        yield connection
    finally:
        connection.close()


class Database(SqliteFile):
    """The vault's file; it is made with mode 0600 where it does not exist.

    Args:
        path: the file.

    Raises:
        VaultError: it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, application=APPLICATION, layout=VAULT_LAYOUT, schemas=_SCHEMAS)
