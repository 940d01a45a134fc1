"""Read a file's bytes, without waiting for a pipe or filling the memory."""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import Final

from onlyme.errors import ImageError
from onlyme.storage.system import CLOSE_ON_EXEC, NO_WAIT

__all__ = ["describe_address", "describe_too_large", "format_path", "read_file"]

_KINDS: Final = {
    stat.S_IFDIR: "is a folder, not a picture",
    stat.S_IFIFO: "is a pipe, not a picture",
    stat.S_IFCHR: "is a device, not a picture",
    stat.S_IFBLK: "is a device, not a picture",
    stat.S_IFSOCK: "is a socket, not a picture",
}


def format_path(path: str | bytes | os.PathLike[str]) -> str:
    """Return the path as given, on one line and of bounded length, for messages.

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
    """Read a whole regular file.

    The file is opened without blocking and checked by its open descriptor, so
    that neither a pipe nor an exchanged file can make the caller wait.

    Args:
        path: the file.
        max_bytes: the largest size that is read.

    Returns:
        Its content, 1 to `max_bytes` bytes.

    Raises:
        ImageError: it is absent, unreadable, not a regular file, empty or too large.
    """
    source = format_path(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_WAIT | CLOSE_ON_EXEC)
    except OSError as error:
        raise ImageError(source, _describe_error(error, path)) from None
    except ValueError:  # a NUL in the name
        raise ImageError(source, "is not a valid path") from None
    try:
        size = _check_size(descriptor, source, max_bytes)
        data = _read(descriptor, size)
    except OSError as error:
        raise ImageError(source, _describe_error(error, path)) from None
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
        raise ImageError(source, _KINDS.get(kind, "is not a regular file"))
    if status.st_size == 0:
        raise ImageError(source, "is empty")
    if status.st_size > max_bytes:
        raise ImageError(source, describe_too_large(status.st_size, max_bytes))
    return status.st_size


def _read(descriptor: int, size: int) -> bytes:
    """Read at most `size` bytes, the size that was checked, even if the file has grown since."""
    parts = []
    while size > 0 and (part := os.read(descriptor, size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def describe_too_large(size: int, limit: int) -> str:
    """Say that a file is too large, in units that tell the two sizes apart.

    >>> describe_too_large(70 * 2**20, 64 * 2**20)
    'has 70 MB; the limit is 64 MB'
    """
    large, allowed = round(size / 2**20), round(limit / 2**20)
    if large > allowed > 0:
        return f"has {large} MB; the limit is {allowed} MB"
    return f"has {size} bytes; the limit is {limit} bytes"


def describe_address(path: str | bytes | os.PathLike[str]) -> str:
    """Say that what should be a path is an address on a network; empty where it is none.

    >>> describe_address("https://example.org/me.jpg")
    'is an address on a network, and onlyme connects to none; save the file, and give its path'
    """
    # A Path has made one slash of two.
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:/{1,2}[^/]", os.fsdecode(path)):
        return (
            "is an address on a network, and onlyme connects to none; save the file, and give "
            "its path"
        )
    return ""


def _describe_error(error: OSError, path: str | bytes | os.PathLike[str]) -> str:
    """Describe in words why a file cannot be opened."""
    if isinstance(error, FileNotFoundError):
        return describe_address(path) or "there is no such file"
    if isinstance(error, PermissionError):
        return "may not be read by this user; check its permissions"
    if isinstance(error, IsADirectoryError):
        return _KINDS[stat.S_IFDIR]
    if error.errno == errno.ENXIO:  # what Linux says of a socket
        return _KINDS[stat.S_IFSOCK]
    return f"cannot be read ({error.strerror or type(error).__name__})"
