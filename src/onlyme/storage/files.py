"""Read and write files so that they are private where they must be, and always whole.

A write goes to a draft beside the target, waits until the disk has it, and renames it over the
target. After a crash or a power cut the target is the old file or the new one, never a half.
Every other module writes through here; `tests/storage/test_every_write.py` finds those that do not.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from onlyme.errors import KeyRefused, UsageError, VaultError
from onlyme.storage.system import (
    CLOSE_ON_EXEC,
    NO_FOLLOW,
    NO_WAIT,
    has_fcntl,
    hold_lock,
    name_platform,
    read_user_id,
    take_lock,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader, BufferedWriter

__all__ = [
    "copy_private",
    "create_private",
    "hold_folder_lock",
    "make_folder",
    "make_private_folder",
    "move_over",
    "open_draft",
    "open_regular",
    "read_private",
    "read_private_line",
    "replace_private",
    "replace_public",
    "sync_folder",
    "write_output",
]

_PRIVATE_MODE = 0o600
_PUBLIC_MODE = 0o666  # less the umask
_SPECIAL = {
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}

_LOCK_WAIT_SECONDS = 60.0
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | CLOSE_ON_EXEC

_DRAFT_SUFFIX = ".draft"
_TOKEN_DIGITS = 16
_DISK_ERRORS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
_MAX_PREFIX_BYTES = 200  # of the target's name; a file name has at most 255


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, all with mode 0700.

    `Path.mkdir` makes those above as the umask says. With umask 0 they would be open to all users,
    who could then put another folder in the place of this one.

    Raises:
        OSError: it cannot be made.
    """
    for above in reversed(folder.parents):
        if not above.exists():
            above.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def make_private_folder(folder: Path) -> None:
    """Make a folder with mode 0700, or refuse one that others may enter.

    Raises:
        VaultError: it cannot be made, or is another user's, or is open to others.
    """
    try:
        make_folder(folder)
        status = folder.stat()
    except OSError as error:
        raise VaultError(f"{folder} cannot hold a vault: {error.strerror}") from None
    user = read_user_id()
    if user is None:  # Windows: who may enter is not in the mode; it is the user's own folder
        return
    if status.st_uid != user:
        raise VaultError(f"{folder} belongs to another user; choose another with --vault")
    if status.st_mode & 0o077:
        raise VaultError(f"{folder} is open to other users; run `chmod 700 {folder}`")


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read it, without waiting for the other end of a pipe.

    Raises:
        OSError: it is no regular file, or cannot be opened; its `strerror` says which.
        ValueError: this can be no path.
    """
    handle = os.open(path, os.O_RDONLY | NO_WAIT | CLOSE_ON_EXEC)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder, not a file", str(path))
    _refuse_special(mode, path)
    raise OSError(errno.EINVAL, "is no file", str(path))


def _refuse_special(mode: int, path: Path) -> None:
    if kind := _SPECIAL.get(stat.S_IFMT(mode)):
        raise OSError(errno.EINVAL, f"is a {kind}, not a file", str(path))


def read_private_line(path: Path, shown: str, most: int) -> str:
    """Return the first line of a file that other users may not read.

    Args:
        path: the file; it may be a link or a pipe.
        shown: what the file is called in messages.
        most: the most characters that are read.

    Raises:
        UsageError: it cannot be read, or others may read it.
    """
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise UsageError(f"{shown}: other users may read this address; run chmod 600")
            return file.readline(most).strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"{shown}: cannot be read ({why})") from None


def read_private(path: Path, *, max_bytes: int) -> bytes:
    """Read a small file that only its user, or root, can have written and can read.

    Raises:
        KeyRefused: it is not a plain file, is another user's, or is open to others.
        OSError: it cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | NO_FOLLOW | NO_WAIT | CLOSE_ON_EXEC)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise KeyRefused(f"{path} is not a plain file")
        user = read_user_id()
        if user is not None and status.st_uid not in {user, 0}:
            raise KeyRefused(f"{path} belongs to another user")
        if user is not None and status.st_mode & 0o077:
            raise KeyRefused(f"{path} is open to other users; run `chmod 600 {path}`")
        return file.read(max_bytes)


def replace_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600 in place of any earlier one.

    Raises:
        OSError: it cannot be written; the earlier one is as it was.
    """
    with open_draft(path) as file:
        file.write(content)


def replace_public(path: Path, content: bytes) -> None:
    """Write a file that others may read, as far as the umask lets them; see `replace_private`.

    Raises:
        OSError: it cannot be written; the earlier one is as it was.
    """
    with open_draft(path, mode=_PUBLIC_MODE) as file:
        file.write(content)


def create_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600 where none is.

    Raises:
        FileExistsError: one is there; it is as it was.
        OSError: it cannot be written; none is there.
    """
    with open_draft(path, new=True) as file:
        file.write(content)


def copy_private(source: Path, target: Path) -> None:
    """Copy a file to a new one that only its user may read; SQLite must not have it open.

    Raises:
        FileExistsError: the target exists.
        OSError: it cannot be copied.
    """
    with source.open("rb") as content, open_draft(target, new=True) as file:
        shutil.copyfileobj(content, file)


def write_output(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file that a user named, such as a report.

    A link is followed, and a device or a pipe is written to as it is: `/dev/stdout` works. An
    earlier file keeps its mode, unless the new one must be private.

    Args:
        path: what the user named.
        content: all of it.
        private: whether only its owner may read it (mode 0600).

    Raises:
        OSError: it cannot be written; an earlier file is as it was.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        with path.open("wb") as stream:
            stream.write(content)
        return
    # The draft is private until it is in place, where an earlier file was private as well.
    first_mode = _PUBLIC_MODE if mode is None and not private else _PRIVATE_MODE
    with open_draft(Path(os.path.realpath(path)), mode=first_mode) as file:
        file.write(content)
        if mode is not None and not private:
            draft = file.fileno() if os.chmod in os.supports_fd else file.name
            os.chmod(draft, stat.S_IMODE(mode))  # noqa: PTH101 - a path could be another file by now


@contextmanager
def open_draft(
    path: Path, *, mode: int = _PRIVATE_MODE, new: bool = False
) -> Iterator[BufferedWriter]:
    """Open a draft to write to; at the end of the block it takes its target's place.

    When the block raises, the draft is removed and the target stays as it was. A draft that a
    killed process left is removed by the next write to the same target.

    Args:
        path: the target. A link there is replaced, not followed.
        mode: permissions of the file, less the umask.
        new: refuse a target that exists.

    Yields:
        The draft; its attribute `name` is its path, for libraries that open files themselves.

    Raises:
        FileExistsError: `new`, and the target exists.
        OSError: it cannot be written, or is a device, a pipe or a socket.
    """
    if new and os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    with suppress(FileNotFoundError):
        # Root could put a file in the place of `/dev/null`, and no program would work any more.
        _refuse_special(os.lstat(path).st_mode, path)
    _remove_stale_drafts(path)
    draft, file = _create_draft(path, mode)
    try:
        with file:  # open, hence locked, until the draft has its final name
            yield file
            file.flush()
            os.fsync(file.fileno())
            if name_platform() == "win32":  # which renames no open file
                file.close()
            if new:
                _move_to_new(draft, path)
            else:
                draft.replace(path)
    except BaseException as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS and error.filename is None:
            error.filename = str(path)  # a write that fails does not say of which file
        raise
    sync_folder(path.parent)


def move_over(source: Path, target: Path) -> None:
    """Rename a file that the disk has over another one, and wait until the disk has the rename.

    Raises:
        OSError: it cannot be renamed.
    """
    source.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has what was renamed or removed in a folder.

    Raises:
        OSError: the folder cannot be opened, or the disk reports an error.
    """
    if name_platform() == "win32":  # which opens no folders
        return
    handle = os.open(folder, _FOLDER_FLAGS)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def hold_folder_lock(folder: Path) -> Iterator[None]:
    """Let one process at a time change files of a folder; the others wait.

    Raises:
        OSError: the folder cannot be opened or locked.
    """
    if not has_fcntl():  # Windows, which opens no folders either
        with hold_lock(folder / ".lock", seconds=_LOCK_WAIT_SECONDS):
            yield
        return
    handle = os.open(folder, _FOLDER_FLAGS)
    try:
        take_lock(handle, wait=True)
        yield
    finally:
        os.close(handle)


def _create_draft(path: Path, mode: int) -> tuple[Path, BufferedWriter]:
    """Create a draft that is locked for as long as its writer lives."""
    while True:
        draft = path.with_name(
            f"{_make_prefix(path)}{os.urandom(_TOKEN_DIGITS // 2).hex()}{_DRAFT_SUFFIX}"
        )
        try:
            file = open(  # noqa: SIM115 - Path.open takes no opener; the caller closes it
                draft, "xb", opener=lambda name, flags: os.open(name, flags, mode)
            )
        except OSError as error:
            error.filename = str(path)  # what the caller asked for
            raise
        with suppress(OSError):  # a file system without locks: no draft there counts as stale
            take_lock(file.fileno(), wait=True)
        if os.fstat(file.fileno()).st_nlink:
            return draft, file
        file.close()  # another process took it for stale just before it was locked


def _remove_stale_drafts(path: Path) -> None:
    """Remove drafts of a target that killed processes left."""
    prefix = _make_prefix(path)
    with suppress(OSError):  # a folder may be open for writing, and closed for listing
        for name in os.listdir(path.parent):  # noqa: PTH208 - names are all that is needed
            token = name.removeprefix(prefix).removesuffix(_DRAFT_SUFFIX)
            is_draft = len(token) == _TOKEN_DIGITS and set(token) <= set("0123456789abcdef")
            if is_draft and name == f"{prefix}{token}{_DRAFT_SUFFIX}":
                _remove_if_stale(path.with_name(name))


def _remove_if_stale(draft: Path) -> None:
    with suppress(OSError):  # gone, or locked by its writer
        handle = os.open(draft, os.O_RDONLY | NO_FOLLOW | NO_WAIT | CLOSE_ON_EXEC)
        try:
            take_lock(handle, wait=False)
            draft.unlink()
        finally:
            os.close(handle)


def _make_prefix(path: Path) -> str:
    name = os.fsdecode(os.fsencode(path.name)[:_MAX_PREFIX_BYTES])
    return f"{'' if name.startswith('.') else '.'}{name}."


def _move_to_new(draft: Path, path: Path) -> None:
    """Give a draft a name that no file has; unlike a rename, a link never replaces a file."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, such as that of a USB stick
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | CLOSE_ON_EXEC, 0o600))
        draft.replace(path)
    else:
        draft.unlink()
