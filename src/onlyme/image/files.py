"""A file on disk → its bytes, without ever waiting for a pipe or filling the memory."""

from __future__ import annotations

import os
import stat
from typing import Final

from onlyme.errors import ImageError

__all__ = ["format_path", "read_file"]

_KINDS: Final = {
    stat.S_IFDIR: "is a folder, not a picture",
    stat.S_IFIFO: "is a pipe, not a picture",
    stat.S_IFCHR: "is a device, not a picture",
    stat.S_IFBLK: "is a device, not a picture",
    stat.S_IFSOCK: "is a socket, not a picture",
}


def format_path(path: str | bytes | os.PathLike[str]) -> str:
    """Return the path as a message may hold it: as given, on one line, of bounded length.

    Example:
        >>> format_path("me.jpg")
        'me.jpg'
        >>> format_path("a" * 400)[:4], len(format_path("a" * 400))
        ('aaaa', 200)
    """
    text = os.fsdecode(path)
    text = "".join(sign if sign.isprintable() else "�" for sign in text)
    return text if len(text) <= 200 else text[:99] + "…" + text[-100:]


def read_file(path: str | bytes | os.PathLike[str], *, max_bytes: int) -> bytes:
    """Read a regular file whole.

    The file is opened without blocking and judged by its open descriptor, so
    that neither a pipe nor a file swapped in between can hold the caller up.

    Args:
        path: the file.
        max_bytes: the largest size that is read.

    Returns:
        Its content, 1 to `max_bytes` bytes.

    Raises:
        ImageError: when it is absent, unreadable, not a regular file, empty or
            too large.
    """
    source = format_path(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ImageError(source, _describe_error(error)) from None
    except ValueError:  # a NUL in the name
        raise ImageError(source, "is not a path that can exist") from None
    try:
        size = _check_size(descriptor, source, max_bytes)
        data = _read(descriptor, size)
    except OSError as error:
        raise ImageError(source, _describe_error(error)) from None
    finally:
        os.close(descriptor)
    if not data:
        raise ImageError(source, "is empty")
    return data


def _check_size(descriptor: int, source: str, max_bytes: int) -> int:
    """Return the size of an open regular file, or refuse it."""
    status = os.fstat(descriptor)
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise ImageError(source, _KINDS.get(kind, "is no regular file"))
    if status.st_size == 0:
        raise ImageError(source, "is empty")
    if status.st_size > max_bytes:
        raise ImageError(source, _describe_too_large(status.st_size, max_bytes))
    return status.st_size


def _read(descriptor: int, size: int) -> bytes:
    """Read up to `size` bytes: what was there when the size was checked, no more."""
    parts = []
    while size > 0 and (part := os.read(descriptor, size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _describe_too_large(size: int, limit: int) -> str:
    return f"has {size / 2**20:.0f} MB, more than the {limit / 2**20:.0f} MB that are read"


def _describe_error(error: OSError) -> str:
    """Say in words why a file cannot be opened."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, PermissionError):
        return "may not be read by this user"
    if isinstance(error, IsADirectoryError):
        return _KINDS[stat.S_IFDIR]
    return f"cannot be read ({error.strerror or type(error).__name__})"
