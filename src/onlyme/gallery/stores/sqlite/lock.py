"""One process at a time."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from onlyme.errors import VaultBusy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["hold_lock"]

LOCK_WAIT_SECONDS = 60.0
"""Bringing a matrix of millions up to date takes this long at most."""


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold a lock file, which is made where it does not exist; the end of a process lets go of it.

    Raises:
        VaultBusy: others held it for too long.
        OSError: it cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + LOCK_WAIT_SECONDS
        while not _try_lock(handle):
            if time.monotonic() > deadline:
                raise VaultBusy(f"{path} is held by another process; try again")
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
