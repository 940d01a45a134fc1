"""Tell a thread that its answer is no longer needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CancelToken"]


class CancelToken:
    """Tells a thread that its answer is no longer needed; any thread may cancel it."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._stop: Callable[[], None] | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Cancel, and stop what is running."""
        self._cancelled.set()
        if self._stop is not None:
            self._stop()

    def on_cancel(self, stop: Callable[[], None]) -> None:
        """Call a function on cancelling; at once if it is cancelled already."""
        self._stop = stop
        if self._cancelled.is_set():
            stop()
