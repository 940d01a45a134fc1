"""Say what an error of SQLite means, and what to do about it."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from onlyme.errors import VaultBusy, VaultDamaged, VaultError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "FOREIGN_SQL",
    "RETRY",
    "explain_unwritable",
    "is_busy",
    "read_code",
    "translate_sqlite_errors",
]

_MIN_ROOM = 1 << 20
"""Bytes that SQLite may need beside a file only to read it."""

_STATVFS: Any = getattr(os, "statvfs", None)  # Windows has none

RETRY = "; free some space and run the command again"
"""The end of the message of a change that a full disk prevented."""

_FULL = f"the disk is full{RETRY}"

FOREIGN_SQL = (
    "was changed by another program: it holds tables, triggers or views that onlyme did not make; "
    "restore a backup"
)


@contextmanager
def translate_sqlite_errors(path: Path) -> Iterator[None]:
    """Raise a VaultError that says what to do for each error of SQLite and the system."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise VaultBusy(f"{path} {_explain_busy(path)}") from None
        if not read_code(error):
            raise VaultDamaged(f"{path} is damaged: it holds broken text") from None
        if read_code(error) & 0xFF == sqlite3.SQLITE_FULL:
            raise VaultError(f"{path}: {_FULL}") from None
        raise VaultError(_explain_log(path, error) or f"{path}: {error}") from None
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError) as error:
        raise VaultError(f"{path} {_describe_misuse(error)}") from None
    except sqlite3.Error as error:
        if read_code(error) == sqlite3.SQLITE_AUTH:
            raise VaultDamaged(f"{path} {FOREIGN_SQL}") from None
        raise VaultDamaged(f"{path} is damaged: {error}") from None
    except (UnicodeDecodeError, OverflowError, MemoryError) as error:
        # sqlite3 raises these for names and lengths that make no sense.
        raise VaultDamaged(f"{path} is damaged ({type(error).__name__})") from None
    except OSError as error:
        raise VaultError(f"{path}: {error.strerror or error}") from None


def explain_unwritable(path: Path, error: Exception) -> str:
    """Say why a file can be read but not changed; empty where it must not be read like that.

    A log beside it holds changes that are not in the file yet: then reading the file alone would
    show the past.
    """
    try:
        size = path.stat().st_size
        if not size or _has_changes_in_log(path):
            return ""
        if forbidden := _explain_forbidden(path):
            return forbidden
    except OSError:
        return ""
    code = read_code(error) if isinstance(error, sqlite3.Error) else 0
    is_full = code & 0xFF in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
    if _STATVFS is None:
        return "the disk is full" if code & 0xFF == sqlite3.SQLITE_FULL else ""
    room = _STATVFS(path.parent)
    if is_full and room.f_files and not room.f_favail:
        return "the disk has no room for another file"
    return "the disk is full" if is_full and room.f_bavail * room.f_frsize < _MIN_ROOM else ""


def _has_changes_in_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _explain_forbidden(path: Path) -> str:
    """Say why this process may not change a file; empty where it may."""
    if _STATVFS is not None and _STATVFS(path).f_flag & os.ST_RDONLY:
        return "its file system is mounted read-only"
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return "this user may not write to it"
    return ""


def _explain_log(path: Path, error: sqlite3.OperationalError) -> str:
    """Say what to do about a log that a crash left where nothing can be written; else empty."""
    if read_code(error) & 0xFF not in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
        return ""
    try:
        forbidden = _explain_forbidden(path) if _has_changes_in_log(path) else ""
    except OSError:
        return ""
    return forbidden and (
        f"{path} cannot be used whole: its last changes are in the log beside it, and "
        f"{forbidden}; copy the folder to where you may write, and use the copy (--vault DIR)"
    )


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether another connection holds the lock that was asked for."""
    return read_code(error) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _explain_busy(path: Path) -> str:
    """Say why a file stayed locked: SQLite calls it busy as well where no lock can be made."""
    try:
        import fcntl

        with TemporaryFile(dir=path.parent) as probe:
            fcntl.lockf(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)  # no other process knows it
    except ImportError:  # Windows: its locks never fail so
        pass
    except OSError as error:
        if error.errno in {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}:
            return (
                f"cannot be locked ({error.strerror}): its file system has no locks, as some "
                "network file systems; put the vault on another one (--vault DIR)"
            )
    return "is in use by another process; try again"


def _describe_misuse(error: sqlite3.Error) -> str:
    """Say what the caller did wrong; sqlite3 has no codes for it."""
    message = str(error)
    if "closed database" in message:
        return "was closed; open it again with FaceID.open"
    return f"cannot be used: {message}"


def read_code(error: sqlite3.Error) -> int:
    """SQLite's code of an error; 0 for an error that Python's module found, such as broken text."""
    return getattr(error, "sqlite_errorcode", 0)
