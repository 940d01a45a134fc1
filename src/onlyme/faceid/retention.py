"""Erase events and unknown visits that are too old, while nothing else happens.

A store erases what is old when an event is added. Before a quiet door none is, for days, and what
was promised to go must go all the same.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from onlyme.errors import OnlymeError
from onlyme.events.store import EVENTS_FILE, PURGE_SECONDS

from onlyme.faceid.events import open_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.settings import Settings
    from onlyme.vault.store import Store

__all__ = ["Retention"]


class Retention:
    """Erases at once, and then each hour, in a thread; use it in a `with` block.

    Args:
        settings: of the vault; they say what is too old.
        store: the vault's records, with the secret of the events.
        report: called with a sentence when nothing can be erased.
    """

    def __init__(self, settings: Settings, store: Store, report: Callable[[str], None]) -> None:
        self._settings, self._store, self._report = settings, store, report
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

    def _erase(self) -> None:
        if (self._settings.vault / EVENTS_FILE).exists():  # to look makes no file
            with open_events(self._settings, self._store) as events:
                events.purge()
