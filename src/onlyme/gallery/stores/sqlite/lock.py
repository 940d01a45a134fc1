"""Let one process at a time hold a lock file."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from onlyme.errors import VaultBusy
from onlyme.storage import system

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
    with ExitStack() as held:
        try:
            held.enter_context(system.hold_lock(path, seconds=LOCK_WAIT_SECONDS))
        except BlockingIOError:
            raise VaultBusy(f"{path} is held by another process; try again") from None
        yield
