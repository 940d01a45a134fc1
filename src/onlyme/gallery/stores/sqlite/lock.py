"""Let one process at a time hold a lock file."""

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
"""A process waits this long: bringing a matrix of millions up to date takes at most as long."""


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold a lock file, made if it is missing; it is released also when the process ends.

    Raises:
        VaultBusy: other processes held it for too long.
        OSError: the file cannot be made.
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
