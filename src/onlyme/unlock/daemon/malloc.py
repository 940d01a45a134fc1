"""What an attempt needed goes back to the system, so that a daemon at rest stays small."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

__all__ = ["release_memory"]


def release_memory() -> None:
    """Ask the C library to return what is free; another one than glibc keeps what it likes."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
