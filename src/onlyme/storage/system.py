"""Do what differs between systems: name the platform, open and lock files, copy to memory.

onlyme is tested on Linux. What only Linux has is imported where it is used, and what cannot
work elsewhere says so (`require_linux`). See docs/reference/platforms.md.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "CLOSE_ON_EXEC",
    "NO_FOLLOW",
    "NO_WAIT",
    "copy_in_memory",
    "has_fcntl",
    "hold_lock",
    "is_root",
    "leave_current_folder_out",
    "list_module_folders",
    "name_platform",
    "read_user_id",
    "require_linux",
    "take_lock",
]

NO_FOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)
"""Flag of `os.open`: refuse a link. Windows has none, and lets only administrators make links."""

NO_WAIT: Final[int] = getattr(os, "O_NONBLOCK", 0)
"""Flag of `os.open`: do not wait for the other end of a pipe."""

CLOSE_ON_EXEC: Final[int] = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Flags of `os.open`: other programs do not inherit the file, and its bytes are as they are."""

_MFD_CLOEXEC: Final = 1  # memfd_create(2)
_SAFE_PATH: Final = "PYTHONSAFEPATH"
_environment_lock = threading.Lock()


def name_platform() -> str:
    """Return the name of the system, as `sys.platform` has it: `linux`, `darwin`, `win32`."""
    return sys.platform


def require_linux(what: str) -> None:
    """Refuse what only Linux has.

    Args:
        what: the beginning of the sentence, such as `unlocking a computer`.

    Raises:
        UsageError: this is another system.
    """
    if name_platform() != "linux":
        raise UsageError(
            f"{what} works on Linux only, and this is {name_platform()}; the library, photos and "
            "videos, the service and its page do not need it"
        )


def read_user_id() -> int | None:
    """Return the number of the user whose rights this process has; None where users have none."""
    getter: Any = getattr(os, "geteuid", None)
    return None if getter is None else int(getter())


def is_root() -> bool:
    """Say whether this process has all rights."""
    return read_user_id() == 0


def take_lock(handle: int, *, wait: bool, shared: bool = False) -> None:
    """Lock an open file for this process until it is closed.

    Args:
        handle: of the file.
        wait: whether to wait for another process that has it.
        shared: whether others may share it.

    Raises:
        BlockingIOError: another process has it.
        OSError: it cannot be locked; ENOLCK where the system has no such locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        raise OSError(errno.ENOLCK, "this system has no such locks for files") from None
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    fcntl.flock(handle, kind | (0 if wait else fcntl.LOCK_NB))


@contextmanager
def hold_lock(path: Path, *, seconds: float) -> Iterator[None]:
    """Hold a lock file, made if it is missing; it is released also when the process ends.

    Args:
        path: of the file, which stays empty.
        seconds: how long to wait for another process that has it.

    Raises:
        BlockingIOError: another process has it.
        OSError: the file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW | CLOSE_ON_EXEC, 0o600)
    try:
        if not has_fcntl():
            with _hold_with_sqlite(path, seconds):
                yield
            return
        deadline = time.monotonic() + seconds
        while True:
            try:
                take_lock(handle, wait=False)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def has_fcntl() -> bool:
    """Say whether open files can be locked as POSIX has it."""
    try:
        import fcntl  # noqa: F401 - whether it is there
    except ImportError:
        return False
    return True


@contextmanager
def _hold_with_sqlite(path: Path, seconds: float) -> Iterator[None]:
    """Hold a lock as SQLite does, which has locks on every system."""
    import sqlite3

    connection = sqlite3.connect(path, timeout=seconds, isolation_level=None)
    try:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(path)) from None
        yield
    finally:
        connection.close()


@contextmanager
def copy_in_memory(name: str) -> Iterator[tuple[BinaryIO, str]]:
    """Yield a file to write to, and the path by which a library then reads it.

    On Linux the file is in memory, and no other process can change it. Elsewhere it is in a folder
    that only this user may enter, and is removed at the end.
    """
    make: Any = getattr(os, "memfd_create", None)
    if make is not None and name_platform() == "linux":
        with os.fdopen(make(name, _MFD_CLOEXEC), "wb") as copy:
            yield copy, f"/proc/self/fd/{copy.fileno()}"
        return
    with TemporaryDirectory(prefix="onlyme-") as folder:
        path = Path(folder) / name
        with path.open("wb") as copy:
            yield copy, str(path)


def list_module_folders() -> str:
    """Return where this process finds modules, as PYTHONPATH of another process has it.

    The current folder is left out. The other process is to be started with `-P`, or it looks
    there first.
    """
    return os.pathsep.join(path for path in sys.path if path)


@contextmanager
def leave_current_folder_out() -> Iterator[None]:
    """Let Python processes that are started meanwhile find no modules in the current folder.

    `multiprocessing` starts them with `python -c`, which looks there first: in a folder of
    downloads a file `json.py` would run. It takes no option for that, so the environment says it.
    """
    with _environment_lock:
        before = os.environ.get(_SAFE_PATH)
        os.environ[_SAFE_PATH] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[_SAFE_PATH]
            else:
                os.environ[_SAFE_PATH] = before
