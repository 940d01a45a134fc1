"""Open SQLite files as vault and gallery use them: private, and changed in transactions.

A change is whole or does not happen, also after `kill -9`; writers wait for each other. What is
deleted is overwritten (`secure_delete`).
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from onlyme.errors import VaultBusy, VaultDamaged, VaultError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SqliteFile", "translate_sqlite_errors"]

SQLITE_WAIT_SECONDS = 10.0
"""Seconds that one process waits for another's change."""


class SqliteFile:
    """One connection to one file, made with mode 0600 where it does not exist.

    Args:
        path: the file.
        application: a number that tells our files from other SQLite files.
        layout: the version of the tables.
        schema: the statements that make them.

    Raises:
        VaultError: it cannot be used.
    """

    def __init__(
        self, path: Path, *, application: int, layout: int, schema: tuple[str, ...]
    ) -> None:
        self.path = path
        self._made_by, self._made_as, self._schema = application, layout, schema
        with translate_sqlite_errors(path):
            _create_private(path)
            # Transactions are begun and ended by `start_reading` and `start_writing` alone.
            self._connection = sqlite3.connect(
                path, timeout=SQLITE_WAIT_SECONDS, isolation_level=None
            )
            self.run = self._connection.execute
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        self.run("PRAGMA trusted_schema = OFF")
        self.run("PRAGMA cell_size_check = ON")
        self.run("PRAGMA secure_delete = ON")
        self.run("PRAGMA synchronous = FULL")
        # A write-ahead log: one wait for the disk per change; a journal takes four or five.
        self.run("PRAGMA journal_mode = WAL")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def fetch_one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        """Return the first row of a query's answer, or None."""
        row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        return row

    @property
    def layout(self) -> int | None:
        """The layout of its tables; 0 for an empty file, None for another program's file."""
        layout = int(self.run("PRAGMA user_version").fetchone()[0])
        application = self.run("PRAGMA application_id").fetchone()[0]
        if layout and application == self._made_by:
            return layout
        tables = self.run("SELECT count(*) FROM sqlite_master").fetchone()[0]
        return None if tables or layout or application else 0

    @property
    def version(self) -> int:
        """A number that changes when another connection has changed the file."""
        return int(self.run("PRAGMA data_version").fetchone()[0])

    def create_tables(self) -> None:
        """Make the tables, within a transaction."""
        for statement in self._schema:
            self.run(statement)
        self.run(f"PRAGMA application_id = {self._made_by}")
        self.run(f"PRAGMA user_version = {self._made_as}")

    @contextmanager
    def start_reading(self) -> Iterator[None]:
        """See one state of the file throughout."""
        if self._connection.in_transaction:
            yield
            return
        self.run("BEGIN")
        try:
            yield
        finally:
            self._roll_back()

    @contextmanager
    def start_writing(self, *, durable: bool = True) -> Iterator[None]:
        """Change the file: all of it, or on any exception nothing.

        Args:
            durable: wait until the disk has it. If not, a loss of power may undo the change;
                a kill of the process does not.
        """
        self.run(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._begin()
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def scrub(self) -> None:
        """Remove what was deleted from free pages and from the write-ahead log as well."""
        self.run("VACUUM")
        self.run("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy_to(self, path: Path) -> None:
        """Copy the file as it is at one moment, also while other processes use it."""
        target = sqlite3.connect(path)
        try:
            self._connection.backup(target)
        finally:
            target.close()

    def _begin(self) -> None:
        # SQLite itself sleeps up to 100 ms at a time, also while the lock is free. Short sleeps
        # of random length pass the lock on at once.
        deadline = time.monotonic() + SQLITE_WAIT_SECONDS
        self.run("PRAGMA busy_timeout = 0")
        try:
            while not self._try_begin(time.monotonic() > deadline):
                time.sleep(0.0005 + 0.0025 * os.urandom(1)[0] / 255)
        finally:
            self.run(f"PRAGMA busy_timeout = {int(SQLITE_WAIT_SECONDS * 1000)}")

    def _try_begin(self, last_try: bool) -> bool:  # noqa: FBT001 - private, with one caller
        try:
            self.run("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if last_try or not _is_busy(error):
                raise
            return False
        return True

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self.run("ROLLBACK")


def _read_code(error: sqlite3.Error) -> int:
    """SQLite's code of an error; 0 for an error that Python's module found, such as broken text."""
    return getattr(error, "sqlite_errorcode", 0)


def _create_private(path: Path) -> None:
    """Make a file that others may not read, even if they may enter its folder later.

    A file that exists is not opened: closing it would remove the locks that SQLite holds on it
    for other connections of this process (fcntl(2)), and the next process that closes the vault
    would then remove the write-ahead log while those connections use it.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
    try:
        os.close(os.open(path, flags, 0o600))
    except FileExistsError:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OSError(errno.ELOOP, "is a link, or not a file") from None


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return _read_code(error) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@contextmanager
def translate_sqlite_errors(path: Path) -> Iterator[None]:
    """Raise a VaultError that says what to do for each error of SQLite and the system."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            raise VaultBusy(f"{path} is in use by another process; try again") from None
        if not _read_code(error):
            raise VaultDamaged(f"{path} is damaged: it holds broken text") from None
        raise VaultError(f"{path}: {error}") from None
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError) as error:
        raise VaultError(f"{path}: {error}") from None
    except sqlite3.Error as error:
        raise VaultDamaged(f"{path} is damaged: {error}") from None
    except (UnicodeDecodeError, OverflowError, MemoryError) as error:
        # sqlite3 raises these for names and lengths that make no sense.
        raise VaultDamaged(f"{path} is damaged ({type(error).__name__})") from None
    except OSError as error:
        raise VaultError(f"{path}: {error.strerror or error}") from None
