"""Keep the newest checkpoint of a training run, by time, at Ctrl-C and at the end.

A checkpoint of the article's network at 244 pixels has 928 MB, so that one every few steps
would fill a disk's time and not a training's. One file is kept. The next one is written beside
it, and takes its place when the disk has all of it: a full disk or `kill -9` leaves the old one.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback
from lightning.pytorch.plugins.io import TorchCheckpointIO

from onlyme.storage.files import open_draft

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning.pytorch import LightningModule, Trainer

__all__ = [
    "CHECKPOINT_SECONDS",
    "CheckpointFiles",
    "CheckpointKeeper",
    "defer_interrupt",
    "save_tensors",
]

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


def save_tensors(path: Path, content: Any, *, mode: int = 0o666) -> None:
    """Write weights in place of those before, when the disk has all of them.

    Args:
        path: the file.
        content: what `torch.save` takes.
        mode: permissions of the file, less the umask.

    Raises:
        OSError: it cannot be written; the earlier file is as it was.
    """
    with open_draft(path, mode=mode) as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # in which torch hides that the disk is full
            raise error.__context__ or error from None


class CheckpointFiles(TorchCheckpointIO):
    """Write checkpoints beside their place; Lightning writes to /tmp and copies from there."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any = None,  # noqa: ARG002 - Lightning's signature
    ) -> None:
        """Write a checkpoint in place of the one before; Lightning asks one process only."""
        save_tensors(Path(path), checkpoint)


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
            trainer.save_checkpoint(self._path)
            self._written = monotonic()
        if stop:
            raise KeyboardInterrupt


def _ask_all(trainer: Trainer, answer: bool) -> bool:  # noqa: FBT001 - the question's only argument
    return bool(trainer.strategy.reduce_boolean_decision(answer, all=False))
