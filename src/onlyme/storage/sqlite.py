"""Open SQLite files as vault and gallery use them: private, and changed in transactions.

A change is whole or does not happen, also after `kill -9`; writers wait for each other. What is
deleted is overwritten (`secure_delete`).

SQL that is stored in a file would run in the program that opens the file: a trigger could put
old rows back after each change. So the file may hold only the tables and indexes of its layout,
and no statement of a trigger or view is run.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import time
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

from onlyme.errors import VaultDamaged, VaultError
from onlyme.storage.sqlite_errors import (
    FOREIGN_SQL,
    explain_unwritable,
    is_busy,
    read_code,
    translate_sqlite_errors,
)
from onlyme.storage.system import CLOSE_ON_EXEC

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["SQLITE_WAIT_SECONDS", "SqliteFile"]

SQLITE_WAIT_SECONDS = 10.0
"""Seconds that one process waits for another's change."""


class SqliteFile:
    """One connection to one file, made with mode 0600 where it does not exist.

    Several threads may use it: each transaction holds `lock` until it ends.

    Args:
        path: the file.
        application: a number that tells our files from other SQLite files.
        layout: the version of the tables.
        schemas: for each layout that can be read, the statements that make its tables.

    Attributes:
        unwritable: why the file can only be read, such as a full disk; empty where it can be
            changed.

    Raises:
        VaultError: it cannot be used.
        VaultDamaged: it holds tables, triggers or views that are not of its layout.
    """

    def __init__(
        self,
        path: Path,
        *,
        application: int,
        layout: int,
        schemas: Mapping[int, tuple[str, ...]],
    ) -> None:
        self.path = path
        self._made_by, self._made_as, self._schemas = application, layout, schemas
        self._checked_schema = -1
        self.unwritable = ""
        self.lock = RLock()
        with translate_sqlite_errors(path):
            try:
                _create_private(path)
                self._open()
            except (sqlite3.OperationalError, OSError) as error:
                self.unwritable = explain_unwritable(path, error)
                if not self.unwritable:
                    raise
                self._open()

    def _open(self) -> None:
        # Without write access SQLite could not make its log; `immutable` reads without one.
        place = f"{self.path.absolute().as_uri()}?immutable=1" if self.unwritable else self.path
        # Transactions are begun and ended by `start_reading` and `start_writing` alone.
        self._connection = sqlite3.connect(
            place,
            timeout=SQLITE_WAIT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            uri=bool(self.unwritable),
        )
        self.run = self._connection.execute
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        self.run("PRAGMA trusted_schema = OFF")
        self._connection.set_authorizer(_deny_stored_sql)
        with self.start_reading():
            pass  # this checks the schema before anything in the file is changed
        self.run("PRAGMA cell_size_check = ON")
        if self.unwritable:
            return
        self.run("PRAGMA secure_delete = ON")
        self.run("PRAGMA synchronous = FULL")
        # A write-ahead log: one wait for the disk per change; a journal takes four or five.
        self.run("PRAGMA journal_mode = WAL")

    def close(self) -> None:
        """Close the file, once no other thread reads or changes it."""
        with self.lock:
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
        for statement in self._schemas[self._made_as]:
            self.run(statement)
        self.run(f"PRAGMA application_id = {self._made_by}")
        self.run(f"PRAGMA user_version = {self._made_as}")

    @contextmanager
    def start_reading(self) -> Iterator[None]:
        """See one state of the file throughout."""
        with self.lock:
            if self._connection.in_transaction:
                yield
                return
            self.run("BEGIN")
            try:
                self._check_schema()
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
        if self.unwritable:
            raise VaultError(f"{self.path} cannot be changed: {self.unwritable}; reading works")
        with self.lock:
            self.run(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._begin()
            try:
                self._check_schema()
                yield
                self.run("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def scrub(self) -> list[str]:
        """Remove what was deleted from free pages and from the write-ahead log as well.

        Returns:
            A sentence if another process that uses the file or a full disk prevents it, otherwise
            none. What was changed before stays changed.
        """
        try:
            with self.lock:
                self.run("VACUUM")
                is_busy, _, _ = self.run("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            if read_code(error) & 0xFF == sqlite3.SQLITE_FULL:
                return [self._explain_full()]
            if not is_busy(error):
                raise
            is_busy = True
        if not is_busy:
            return []
        return [self._explain_remnants()]

    def empty_log(self) -> list[str]:
        """Write the log's changes into the file, and empty the log.

        What was deleted is overwritten in the file by then (`secure_delete`); unlike `scrub` this
        does not copy the whole file.

        Returns:
            A sentence if another process that uses the file prevents it, otherwise none.
        """
        with self.lock:
            is_busy, _, _ = self.run("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return [self._explain_remnants()] if is_busy else []

    def copy_to(self, path: Path) -> None:
        """Copy the file as it is at one moment, also while other processes use it."""
        target = sqlite3.connect(path)
        try:
            with self.lock:
                self._connection.backup(target)
        finally:
            target.close()

    def _explain_full(self) -> str:
        return (
            f"this is done, but {self.path} has no room to remove remnants of what was erased; "
            "free some space, and the next change that erases something removes them"
        )

    def _explain_remnants(self) -> str:
        return (
            f"{self.path} is in use by another program, so remnants of what was erased stay in "
            "its write-ahead log; they go when the last program that uses it ends"
        )

    def _check_schema(self) -> None:
        """Compare tables, indexes, triggers and views with those of the file's layout.

        SQLite's own number of the schema says whether it can have changed: while it is the same,
        SQLite itself goes by the schema that was checked.
        """
        number = int(self.run("PRAGMA schema_version").fetchone()[0])
        if number == self._checked_schema:
            return
        expected = self._schemas.get(self.layout or 0)
        if expected is not None:  # else it is empty or another program's; the callers say so
            # Indexes without a statement are those of PRIMARY KEY and UNIQUE.
            stored = self.run("SELECT coalesce(sql, name) FROM sqlite_master").fetchall()
            found = sorted(" ".join(str(sql).split()) for (sql,) in stored)
            wanted = sorted(" ".join(sql.split()) for sql in expected)
            if [sql for sql in found if not sql.startswith("sqlite_autoindex_")] != wanted:
                raise VaultDamaged(f"{self.path} {FOREIGN_SQL}")
        self._checked_schema = number

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
            if last_try or not is_busy(error):
                raise
            return False
        return True

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self.run("ROLLBACK")


def _create_private(path: Path) -> None:
    """Make a file that others may not read, even if they may enter its folder later.

    A file that exists is not opened: closing it would remove the locks that SQLite holds on it
    for other connections of this process (fcntl(2)), and the next process that closes the vault
    would then remove the write-ahead log while those connections use it.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | CLOSE_ON_EXEC
    try:
        os.close(os.open(path, flags, 0o600))
    except FileExistsError:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OSError(errno.ELOOP, "is a link, or not a file") from None


def _deny_stored_sql(
    _action: int, _first: str | None, _second: str | None, _database: str | None, stored: str | None
) -> int:
    """Deny what a trigger or a view would do; SQLite names it in its last argument."""
    return sqlite3.SQLITE_OK if stored is None else sqlite3.SQLITE_DENY
