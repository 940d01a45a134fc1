"""Train one way on photos, with Lightning."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader

from onlyme.errors import UsageError
from onlyme.lab.module import StoppingRule, Training
from onlyme.lab.peak_memory import forget_peak, read_peak_bytes
from onlyme.lab.run import CHECKPOINT_NAME, Run, TrainedNetwork, TrainingResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning.pytorch import Callback, LightningModule
    from lightning.pytorch.loggers import Logger

    from onlyme.lab.photos import Photos
    from onlyme.lab.spec import Spec

__all__ = ["limit_threads", "run_trainer", "train"]


def train(
    photos: Photos,
    spec: Spec,
    out: Path | None = None,
    *,
    resume: bool = False,
    progress: bool = False,
) -> TrainedNetwork:
    """Train one way.

    Args:
        photos: photos of ME and NOT_ME.
        spec: the way and its options.
        out: the run's folder; None writes nothing.
        resume: continue the run that the folder holds, finished or not; without a run
            there, begin one.
        progress: show a progress bar with the live loss on stderr.

    Returns:
        The network in evaluation mode, with its learning curve. With the same photos,
        spec, machine and number of threads the weights are equal to the last bit.

    Raises:
        UsageError: when the folder holds another run, or holds a run and `resume` is False.
    """
    if out is None:
        return _fit(photos, spec, None, progress=progress)
    run = Run(out)
    if not run.has_begun:
        run.begin(spec, photos)
    elif resume:
        run.check_same(spec, photos)
        if run.is_done:
            return run.load()
    else:
        raise UsageError(
            f"{out} already holds a run; continue it with --resume, or choose another folder"
        )
    trained = _fit(photos, spec, run, progress=progress)
    run.finish(trained)
    return trained


def _fit(photos: Photos, spec: Spec, run: Run | None, *, progress: bool) -> TrainedNetwork:
    forget_peak()
    start = perf_counter()
    training, rule = Training(spec, photos), StoppingRule(spec)
    with limit_threads(spec.threads):
        trainer = run_trainer(
            training,
            run.folder if run else None,
            max_steps=spec.max_steps,
            every=spec.every,
            callbacks=(rule,),
            progress=progress,
            devices=1,
            gradient_clip_val=spec.clip,
            deterministic="warn",
        )
    result = TrainingResult(
        reason=rule.reason,
        steps=trainer.global_step,
        seconds=perf_counter() - start,
        peak_bytes=read_peak_bytes(),
        curve=tuple(rule.curve),
    )
    return TrainedNetwork(spec, photos, training.network.cpu().eval(), result)


def run_trainer(
    module: LightningModule,
    folder: Path | None,
    *,
    max_steps: int,
    every: int,
    callbacks: Sequence[Callback] = (),
    progress: bool = False,
    **options: Any,
) -> Trainer:
    """Train a module with Lightning, from the folder's checkpoint where there is one.

    Args:
        module: the network with its loss, its photos and its optimiser.
        folder: gets the checkpoint and the log; None writes nothing.
        max_steps: number of steps at most.
        every: write a checkpoint after this number of steps.
        callbacks: further callbacks.
        progress: show a progress bar with the live loss on stderr.
        options: further options of Lightning's `Trainer`.

    Returns:
        The trainer after its last step.

    Raises:
        KeyboardInterrupt: when Ctrl-C ended the training; Lightning itself only returns.
    """
    callbacks = list(callbacks)
    if folder:
        # By steps and not by epochs: Lightning's epochs are one step short after a resume.
        callbacks.append(
            ModelCheckpoint(
                folder,
                Path(CHECKPOINT_NAME).stem,
                every_n_train_steps=every,
                enable_version_counter=False,
            )
        )
    if progress:
        callbacks.append(TQDMProgressBar())
    with _silence_lightning():
        trainer = Trainer(
            max_steps=max_steps,
            callbacks=callbacks,
            logger=_make_loggers(folder) if folder else False,
            enable_checkpointing=folder is not None,
            log_every_n_steps=1,
            enable_progress_bar=progress,
            enable_model_summary=False,
            **options,
        )
        checkpoint = folder / CHECKPOINT_NAME if folder else None
        start_from = str(checkpoint) if checkpoint and checkpoint.exists() else None
        trainer.fit(module, _make_step_loader(every), ckpt_path=start_from, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    return trainer


def _make_step_loader(count: int) -> DataLoader[int]:
    """Return a loader that gives an epoch of `count` steps the number of each step.

    All photos are in every step, and seed and step decide what is drawn, so there is
    nothing to load.
    """
    return DataLoader(range(count), batch_size=None)  # type: ignore[arg-type]  # a range is indexed, and has a length


@contextmanager
def limit_threads(count: int | None) -> Iterator[None]:
    """Compute with `count` threads; None changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _make_loggers(folder: Path) -> list[Logger]:
    """Return a CSV logger, and TensorBoard's where that is installed."""
    loggers: list[Logger] = [CSVLogger(folder, name="log", version="")]
    if find_spec("tensorboard") is not None:
        loggers.append(TensorBoardLogger(folder, name="log", version=""))
    return loggers


@contextmanager
def _silence_lightning() -> Iterator[None]:
    """Hide Lightning's advice on clusters and loaders, which a dozen photos do not need."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            warnings.filterwarnings("ignore", module=r"torch\..*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
