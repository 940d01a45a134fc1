"""Silence the library that decodes TIFF: it writes a line on stderr for each broken block."""

from __future__ import annotations

import ctypes
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["silence_libtiff"]

_SETTERS = ("TIFFSetErrorHandler", "TIFFSetWarningHandler")


@contextmanager
def silence_libtiff() -> Iterator[None]:
    """Take libtiff's two handlers of messages away, and put them back afterwards.

    The handlers belong to the whole process: only one thread at a time may call this. Redirecting
    stderr instead would also swallow what other threads write.
    """
    restore = []
    for library in _find_loaded():
        for name in _SETTERS:
            with suppress(AttributeError):
                setter = getattr(library, name)
                setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
                restore.append((setter, setter(None)))
    try:
        yield
    finally:
        for setter, handler in restore:
            setter(handler)


@cache
def _find_loaded() -> list[ctypes.CDLL]:
    """Return libtiff as this process has loaded it; Pillow brings its own."""
    try:
        lines = Path("/proc/self/maps").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    # Address, access, offset, device and number come before the path.
    paths = {parts[5] for line in lines if len(parts := line.split(maxsplit=5)) == 6}
    found = []
    for path in sorted(path for path in paths if Path(path).name.startswith("libtiff")):
        with suppress(OSError):
            found.append(ctypes.CDLL(path))
    return found
