"""Train one way on photos, with Lightning."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from onlyme.errors import UsageError
from onlyme.lab import checkpoints
from onlyme.lab.checkpoints import CheckpointFiles, CheckpointKeeper, defer_interrupt
from onlyme.lab.curves import CurveTable
from onlyme.lab.module import StoppingRule, Training
from onlyme.lab.out_of_memory import explain_memory
from onlyme.lab.run import CHECKPOINT_NAME, Run, TrainedNetwork, TrainingResult
from onlyme.storage.peak_memory import forget_peak, read_peak_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lightning.pytorch import Callback, LightningModule
    from lightning.pytorch.loggers import Logger

    from onlyme.lab.module import Curve
    from onlyme.lab.photos import Photos
    from onlyme.lab.spec import Spec

__all__ = ["check_trained", "fit_way", "limit_threads", "run_trainer", "train"]


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
        resume: continue the run that the folder holds; without a run there, begin one. A
            run that ended at its limit goes on to a higher one.
        progress: show a progress bar with the live loss on stderr.

    Returns:
        The network in evaluation mode, with its learning curve. With the same photos,
        spec, machine and number of threads the weights are equal to the last bit.

    Raises:
        UsageError: when the folder holds another run, or holds a run and `resume` is False;
            when training diverged, or nothing was learned. The run is then not finished.
    """
    if out is None:
        return check_trained(fit_way(photos, spec, progress=progress))
    run = Run(out)
    if not run.has_begun:
        run.begin(spec, photos)
    elif resume:
        run.check_same(spec, photos)
        if run.is_done and not run.can_go_on(spec):
            return run.load()
    else:
        raise UsageError(
            f"{out} already holds a run; continue it with --resume, or choose another folder"
        )
    trained = fit_way(photos, spec, run, progress=progress)
    run.finish(check_trained(trained))
    return trained


def check_trained(trained: TrainedNetwork) -> TrainedNetwork:
    """Refuse a network that must not be used, and say why."""
    spec, reason = trained.spec, trained.result.reason
    if reason == "nothing learned":
        raise UsageError(
            f"nothing was learned: at alpha {spec.alpha:g} the loss of every triplet was zero "
            "before the first step, so that the network is untrained and would accept strangers; "
            f"train with a higher alpha, such as {min(1, max(0.2, spec.alpha + 0.2)):g}, and lower "
            "it afterwards, when the network decides"
            if trained.result.steps == 0
            else f"nothing was learned: the loss {spec.kind} found no triplet to learn from in "
            f"{trained.result.steps} steps; train with --loss article"
        )
    if reason == "diverged":
        raise UsageError(
            f"training diverged after {trained.result.steps} steps: the loss is no longer a "
            "number, so that the network cannot be used; train again with a --rate below "
            f"{spec.learning_rate:g}, in another folder"
        )
    return trained


def fit_way(
    photos: Photos,
    spec: Spec,
    run: Run | None = None,
    *,
    progress: bool = False,
    on_check: Callable[[Training, Curve], None] | None = None,
) -> TrainedNetwork:
    """Train one way, and return the network however training ended.

    Args:
        photos: photos of ME and NOT_ME.
        spec: the way and its options.
        run: where the checkpoint and the log are written; None writes nothing.
        progress: show a progress bar with the live loss on stderr.
        on_check: see `StoppingRule`.
    """
    forget_peak()
    start = perf_counter()
    training, rule = Training(spec, photos), StoppingRule(spec, on_check)
    steps = 0
    with (
        limit_threads(spec.threads),
        explain_memory(training.try_step, training.photos, _EXPLAIN_PHOTOS),
    ):
        if training.is_settled_untrained():
            rule.reason = "nothing learned"
        else:
            trainer = run_trainer(
                training, run.folder if run else None, max_steps=spec.max_steps, every=spec.every,
                callbacks=(rule,), progress=progress, devices=1, gradient_clip_val=spec.clip,
                deterministic="warn",
            )  # fmt: skip
            steps = trainer.global_step
    seconds, peak = perf_counter() - start, read_peak_bytes()
    result = TrainingResult(rule.reason, steps, seconds, peak, tuple(rule.curve))
    return TrainedNetwork(spec, photos, training.network.cpu().eval(), result)


_EXPLAIN_PHOTOS = (
    "a step uses all {count} photos, and needs more memory than there is; {fit} photos fit: give "
    "fewer photos, or with the way article a smaller --side"
)


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
        every: number of steps in one of Lightning's epochs.
        callbacks: further callbacks.
        progress: show a progress bar with the live loss on stderr.
        options: further options of Lightning's `Trainer`.

    Returns:
        The trainer after its last step.

    Raises:
        KeyboardInterrupt: when Ctrl-C ended the training; the checkpoint is written before.
    """
    callbacks = [*callbacks, *([WholeRunBar()] if progress else [])]
    checkpoint = folder / CHECKPOINT_NAME if folder else None
    with _silence_lightning(), defer_interrupt() if folder else nullcontext() as interrupt:
        if checkpoint and interrupt:
            seconds = checkpoints.CHECKPOINT_SECONDS
            callbacks.append(CheckpointKeeper(checkpoint, interrupt, seconds))
        trainer = Trainer(
            max_steps=max_steps,
            callbacks=callbacks,
            plugins=CheckpointFiles(),
            logger=_make_loggers(folder) if folder else False,
            enable_checkpointing=False,
            log_every_n_steps=1,
            enable_progress_bar=progress,
            enable_model_summary=False,
            **options,
        )
        start_from = str(checkpoint) if checkpoint and checkpoint.exists() else None
        try:
            trainer.fit(module, _make_step_loader(every), ckpt_path=start_from, weights_only=True)
        except SystemExit:  # Lightning turns Ctrl-C into it
            if not trainer.interrupted:
                raise
            raise KeyboardInterrupt from None
    return trainer


class WholeRunBar(TQDMProgressBar):
    """One progress bar over all steps of a run, with the time that is left, on stderr."""

    def init_train_tqdm(self) -> Tqdm:
        """Make the bar; Lightning's own writes to stdout, where only results belong."""
        return Tqdm(
            desc="training", disable=self.is_disabled, dynamic_ncols=True, file=sys.stderr,
            smoothing=0, bar_format=self.BAR_FORMAT,
        )  # fmt: skip

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin at the step of the checkpoint."""
        super().on_train_start(trainer, pl_module)
        self.train_progress_bar.reset(trainer.max_steps)
        self.train_progress_bar.initial = self.train_progress_bar.n = trainer.global_step

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        """Keep the bar; an epoch means nothing here."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the newest figures."""
        self.train_progress_bar.set_postfix(self.get_metrics(trainer, pl_module))

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Move the bar to the step of the whole run."""
        bar = self.train_progress_bar
        bar.update(trainer.global_step - bar.n)
        bar.set_postfix(self.get_metrics(trainer, pl_module))


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
    """Return a table of the curves, and TensorBoard's logger where that is installed."""
    loggers: list[Logger] = [CurveTable(folder / "log")]
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
