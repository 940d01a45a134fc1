"""Photos and a spec come in; a trained network goes out. Lightning does the driving."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader

from onlyme.errors import UsageError
from onlyme.lab.module import StoppingRule, Training
from onlyme.lab.peak_memory import forget_peak, read_peak_bytes
from onlyme.lab.run import Run, TrainedNetwork, TrainingResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lightning.pytorch import Callback
    from lightning.pytorch.loggers import Logger

    from onlyme.lab.photos import Photos
    from onlyme.lab.spec import Spec

__all__ = ["limit_threads", "make_loggers", "make_step_loader", "silence_lightning", "train"]


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
        photos: of ME and NOT_ME.
        spec: which way, and how.
        out: the run's folder; None keeps nothing.
        resume: go on with the run that the folder holds, finished or not; with none
            there, begin.
        progress: show a progress bar with the live loss on stderr.

    Returns:
        The network in evaluation mode, with its learning curve. With the same photos,
        spec, machine and number of threads the weights are equal to the last bit.

    Raises:
        UsageError: when the folder holds another run, or one and `resume` is False.
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
        raise UsageError(f"{out} holds a run already; resume it, or choose another folder")
    trained = _fit(photos, spec, run, progress=progress)
    run.finish(trained)
    return trained


def _fit(photos: Photos, spec: Spec, run: Run | None, *, progress: bool) -> TrainedNetwork:
    forget_peak()
    start = perf_counter()
    training, settled = Training(spec, photos), StoppingRule(spec)
    callbacks: list[Callback] = [settled]
    if run:
        # By steps and not by epochs: Lightning's epochs are one step short after a resume.
        callbacks.append(
            ModelCheckpoint(
                run.folder,
                run.checkpoint.stem,
                every_n_train_steps=spec.every,
                enable_version_counter=False,
            )
        )
    if progress:
        callbacks.append(TQDMProgressBar())
    with silence_lightning(), limit_threads(spec.threads):
        trainer = Trainer(
            devices=1,
            max_steps=spec.most_steps,
            gradient_clip_val=spec.clip,
            callbacks=callbacks,
            logger=make_loggers(run.folder) if run else False,
            enable_checkpointing=run is not None,
            log_every_n_steps=1,
            enable_progress_bar=progress,
            enable_model_summary=False,
            deterministic="warn",
        )
        goes_on = str(run.checkpoint) if run and run.checkpoint.exists() else None
        trainer.fit(training, make_step_loader(spec.every), ckpt_path=goes_on, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    result = TrainingResult(
        settled.reason,
        trainer.global_step,
        perf_counter() - start,
        read_peak_bytes(),
        tuple(settled.curve),
    )
    return TrainedNetwork(spec, photos, training.network.cpu().eval(), result)


def make_step_loader(count: int) -> DataLoader[int]:
    """An epoch of so many steps; a step is told nothing but that it is one.

    All photos are in every step, and what is drawn is a matter of seed and step, so
    there is nothing to load.
    """
    return DataLoader(range(count), batch_size=None)  # type: ignore[arg-type]  # a range is indexed, and has a length


@contextmanager
def limit_threads(count: int | None) -> Iterator[None]:
    """Compute with so many threads; None leaves it as it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def make_loggers(folder: Path) -> list[Logger]:
    """A CSV log always, TensorBoard's where it is installed."""
    found: list[Logger] = [CSVLogger(folder, name="log", version="")]
    if find_spec("tensorboard") is not None:
        found.append(TensorBoardLogger(folder, name="log", version=""))
    return found


@contextmanager
def silence_lightning() -> Iterator[None]:
    """Keep Lightning's advice on clusters and loaders from people who train on twelve photos."""
    talkers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [talker.level for talker in talkers]
    for talker in talkers:
        talker.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            warnings.filterwarnings("ignore", module=r"torch\..*")
            yield
    finally:
        for talker, level in zip(talkers, levels, strict=True):
            talker.setLevel(level)
