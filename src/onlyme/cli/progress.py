"""Show progress bars on a terminal, and nothing in a pipe."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["show_progress"]


@contextmanager
def show_progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield a function that moves the bar of a stage: `move(stage, done, total)`.

    A stage gets its bar with its first call. Without a total (None) the bar shows the count
    alone. Bars go to stderr, since stdout is for the answer.
    """
    if not sys.stderr.isatty():
        yield lambda _stage, _done, _total: None
        return
    # Imported here: it takes longer than many a command does.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks = {}

        def move(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield move
