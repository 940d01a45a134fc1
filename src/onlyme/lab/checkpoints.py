"""Keep the newest checkpoint of a training run, by time, at Ctrl-C and at the end.

A checkpoint of the article's network at 244 pixels has 928 MB, so that one every few steps
would fill a disk's time and not a training's. One file is kept and replaced in one step.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from lightning.pytorch import Callback

from onlyme.storage.files import move_over

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lightning.pytorch import LightningModule, Trainer

__all__ = ["CHECKPOINT_SECONDS", "CheckpointKeeper", "defer_interrupt"]

CHECKPOINT_SECONDS = 30.0
"""Time between two checkpoints."""


@contextmanager
def defer_interrupt() -> Iterator[threading.Event]:
    """Let a step end before Ctrl-C takes effect; the second Ctrl-C takes effect at once.

    A step that is cut in its middle leaves half-changed weights, and a run that continues from
    them differs from an uninterrupted one.

    Yields:
        An event that Ctrl-C sets.
    """
    interrupt = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield interrupt
        return

    def handle(number: int, frame: Any) -> None:
        if interrupt.is_set():
            before(number, frame)
        interrupt.set()

    signal.signal(signal.SIGINT, handle)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


class CheckpointKeeper(Callback):
    """Replace a file by a checkpoint after some time, at Ctrl-C and after the last step."""

    def __init__(self, path: Path, interrupt: threading.Event, seconds: float) -> None:
        self._path, self._interrupt, self._seconds = path, interrupt, seconds
        self._written = monotonic()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:  # noqa: ARG002 - Lightning's signature
        """Write the checkpoint when it is due.

        Raises:
            KeyboardInterrupt: after the checkpoint that Ctrl-C asked for.
        """
        if (
            trainer.fit_loop.epoch_loop.batch_progress.current.ready
            % trainer.accumulate_grad_batches
        ):
            return  # in the middle of a step
        # All processes must agree, since they write a checkpoint together.
        stop = _ask_all(trainer, self._interrupt.is_set())
        due = monotonic() - self._written >= self._seconds
        if stop or trainer.global_step >= trainer.max_steps or _ask_all(trainer, due):
            # Lightning copies a finished file to its place, and a full disk cuts the copy.
            trainer.save_checkpoint(draft := self._path.with_suffix(".new"))
            if trainer.is_global_zero:
                move_over(draft, self._path)
            self._written = monotonic()
        if stop:
            raise KeyboardInterrupt


def _ask_all(trainer: Trainer, answer: bool) -> bool:  # noqa: FBT001 - the question's only argument
    return bool(trainer.strategy.reduce_boolean_decision(answer, all=False))
