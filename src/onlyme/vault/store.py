"""Every owner's template in one SQLite file, private to its user.

SQLite brings what a store needs and is hard to write: a change is whole or not
at all, also after `kill -9`; writers wait for each other. What is deleted is
overwritten (`secure_delete`) and leaves no journal behind.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onlyme.errors import VaultBusy, VaultDamaged, VaultError
from onlyme.vault.template import Template, from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Store"]

WAIT_SECONDS = 10.0
"""How long one process waits for another's change."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS template (
    owner TEXT PRIMARY KEY NOT NULL,
    body  BLOB NOT NULL
) STRICT, WITHOUT ROWID
"""
_APPLICATION = 0x6F6E6D65  # "onme": tells our file from any other SQLite file
_LAYOUT = 1


@dataclass(frozen=True, slots=True)
class Edit:
    """One transaction: what it reads, nobody else changes before it ends."""

    _database: sqlite3.Connection

    def get(self, name: str) -> Template | None:
        """Return an owner's template, or None."""
        return _get(self._database, name)

    def put(self, template: Template) -> None:
        """Write an owner's template in place of any earlier one."""
        row = (template.name, to_bytes(template))
        self._database.execute("INSERT OR REPLACE INTO template VALUES (?, ?)", row)

    def delete(self, name: str) -> bool:
        """Remove an owner; return whether there was one."""
        return self._database.execute("DELETE FROM template WHERE owner = ?", (name,)).rowcount > 0


class Store:
    """The vault in one folder. One object for one thread; any number of processes.

    Args:
        folder: made with mode 0700 where it does not exist.

    Raises:
        VaultError: when the folder is another user's, open to others, or cannot be used.
        VaultDamaged: when the file in it is not a vault of onlyme.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "vault.sqlite"
        _private_folder(folder)
        with _translated(self.path):
            # Others may not read the file even if the folder were opened to them later.
            os.close(
                os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            )
            # Transactions are begun and ended by `edit` alone.
            self._database = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
            self._set_up()

    def _set_up(self) -> None:
        run = self._database.execute
        run("PRAGMA secure_delete = ON")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA trusted_schema = OFF")
        layout = run("PRAGMA user_version").fetchone()[0]
        if layout == _LAYOUT and run("PRAGMA application_id").fetchone()[0] == _APPLICATION:
            return
        with self._transaction():
            if run("SELECT count(*) FROM sqlite_master").fetchone()[0] and layout != _LAYOUT:
                raise VaultDamaged(
                    f"{self.path} is a database, but no vault that this onlyme knows"
                )
            run(_SCHEMA)
            run(f"PRAGMA application_id = {_APPLICATION}")
            run(f"PRAGMA user_version = {_LAYOUT}")

    def close(self) -> None:
        """Let go of the file. Further calls raise VaultError."""
        self._database.close()

    def get(self, name: str) -> Template | None:
        """Return an owner's template, or None.

        Raises:
            VaultBusy, VaultDamaged, VaultError: it could not be read.
        """
        with _translated(self.path):
            return _get(self._database, name)

    def version(self) -> tuple[int, int]:
        """Return what differs after every change, by this process or another."""
        with _translated(self.path):
            others = self._database.execute("PRAGMA data_version").fetchone()[0]
        return int(others), self._database.total_changes

    def names(self) -> list[str]:
        """Return every owner's name in order."""
        with _translated(self.path):
            rows = self._database.execute("SELECT owner FROM template ORDER BY owner").fetchall()
        return [row[0] for row in rows]

    @contextmanager
    def edit(self) -> Iterator[Edit]:
        """Read and change as one transaction: all of it, or on any exception nothing.

        Raises:
            VaultBusy: another process kept it for more than `WAIT_SECONDS`.
            VaultDamaged, VaultError: it could not be read or written.
        """
        with _translated(self.path), self._transaction():
            yield Edit(self._database)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def _get(database: sqlite3.Connection, name: str) -> Template | None:
    row = database.execute("SELECT body FROM template WHERE owner = ?", (name,)).fetchone()
    if row is None:
        return None
    template = from_bytes(row[0])
    if template.name != name:
        raise VaultDamaged(f"the template stored for {name!r} is somebody else's")
    return template


def _private_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise VaultError(f"{folder} cannot hold a vault: {error.strerror}") from None
    if status.st_uid != os.geteuid():
        raise VaultError(f"{folder} belongs to another user; choose another with --vault")
    if status.st_mode & 0o077:
        raise VaultError(f"{folder} is open to other users; run `chmod 700 {folder}`")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system raise into VaultErrors that say what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise VaultBusy(f"{path} is in use by another process; try again") from None
        raise VaultError(f"{path}: {error}") from None
    except sqlite3.DatabaseError as error:
        raise VaultDamaged(f"{path} is damaged: {error}") from None
    except OSError as error:
        raise VaultError(f"{path}: {error.strerror}") from None
