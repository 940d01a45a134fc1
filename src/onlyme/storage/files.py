"""Files and folders that nobody else may read."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from onlyme.errors import KeyRefused, VaultError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["make_private_folder", "read_private", "replace_private"]


def make_private_folder(folder: Path) -> None:
    """Make a folder with mode 0700, or refuse one that others may enter.

    Raises:
        VaultError: it cannot be made, or is another user's, or is open to others.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise VaultError(f"{folder} cannot hold a vault: {error.strerror}") from None
    if status.st_uid != os.geteuid():
        raise VaultError(f"{folder} belongs to another user; choose another with --vault")
    if status.st_mode & 0o077:
        raise VaultError(f"{folder} is open to other users; run `chmod 700 {folder}`")


def read_private(path: Path, *, max_bytes: int) -> bytes:
    """Read a small file that only its user, or root, can have written and can read.

    Raises:
        KeyRefused: it is no plain file, is another user's, or is open to others.
        OSError: it cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise KeyRefused(f"{path} is no plain file")
        if status.st_uid not in {os.geteuid(), 0}:
            raise KeyRefused(f"{path} belongs to another user")
        if status.st_mode & 0o077:
            raise KeyRefused(f"{path} is open to other users; run `chmod 600 {path}`")
        return file.read(max_bytes)


def replace_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600 in place of any other: the old one or the new one, whole.

    Raises:
        OSError: it cannot be written.
    """
    _write_draft(path, content).replace(path)
    _sync_folder(path)


def _write_draft(path: Path, content: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
    except BaseException:
        draft.unlink()
        raise
    return draft


def _sync_folder(path: Path) -> None:
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
