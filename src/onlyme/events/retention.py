"""Erase what is too old while nothing else happens.

A store erases what is old when an event is added. Before a quiet door none is, for days, and what
was promised to go must go all the same.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from onlyme.errors import OnlymeError
from onlyme.events.store import PURGE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Retention"]


class Retention:
    """Erases at once, and then each hour, in a thread; use it in a `with` block.

    Args:
        erase: erases what is too old.
        report: called with a sentence when that fails.
    """

    def __init__(self, erase: Callable[[], object], report: Callable[[str], None]) -> None:
        self._erase, self._report = erase, report
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="onlyme-retention", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End; what is just being erased is waited for."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while True:
            try:
                self._erase()
            except OnlymeError as error:
                self._report(f"what is too old among the events cannot be erased: {error}")
            if self._stop.wait(PURGE_SECONDS):
                return
