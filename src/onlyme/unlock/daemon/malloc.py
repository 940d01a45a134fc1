"""Return memory to the system after an attempt, so that the idle daemon stays small."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

__all__ = ["release_memory"]


def release_memory() -> None:
    """Ask glibc to return its free memory; other C libraries decide for themselves."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
