"""Define how Lightning trains an embedder on many people, and which weights are kept."""

from __future__ import annotations

import copy
from dataclasses import asdict
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule
from torch.optim.swa_utils import AveragedModel

from onlyme.lab.batch_reader import BatchReader
from onlyme.lab.checkpoints import save_tensors
from onlyme.lab.embedder_run import check_loss, make_adamw
from onlyme.lab.losses import make_loss, make_miner, measure_active_share
from onlyme.lab.networks import build_backbone, to_tensor
from onlyme.lab.validation import TARGET_RATES, Verification, measure_verification

if TYPE_CHECKING:
    from pathlib import Path

    from lightning.pytorch import Trainer
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
    from torch import Tensor

    from onlyme.lab.identity_spec import IdentitySpec
    from onlyme.lab.networks import EmbeddingNetwork
    from onlyme.lab.people import IdentitySampler, People

__all__ = ["BestWeights", "IdentityTraining", "embed_people", "evaluate"]

_MAX_PHOTOS = 8
"""Largest number of a person's photos that validate, so that none weighs most."""

_BATCH_FACES = 64


class IdentityTraining(LightningModule):
    """The embedder, its batches, its loss and its optimiser."""

    def __init__(self, spec: IdentitySpec, batches: IdentitySampler) -> None:
        super().__init__()
        self.spec, self.batches = spec, batches
        with torch.random.fork_rng():
            torch.manual_seed(spec.seed)
            self.network = build_backbone(spec.network, spec.dimension)
            self.criterion = make_loss(spec.loss, spec.alpha, batches.people, spec.dimension)
        self._mine = make_miner(spec.miner, spec.alpha)
        self.average = _make_average(self.network, spec.ema) if spec.ema else None
        self._last = perf_counter()
        self._reader: BatchReader | None = None

    @property
    def embedder(self) -> EmbeddingNetwork:
        """The network to keep: the moving average where there is one."""
        return self.average.module if self.average else self.network  # type: ignore[return-value]  # torch calls it a Module

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:  # noqa: ARG002 - a step depends only on its number
        """Embed this process's share, gather all vectors, and mine over the whole batch."""
        accumulate = self.spec.accumulate
        step = self.global_step * accumulate + batch_idx % accumulate
        rank, world = self.global_rank, self.trainer.world_size
        if self._reader is None:
            last = self.spec.steps * accumulate
            self._reader = BatchReader(
                self.batches, self.spec.seed, last, rank=rank, world=world, device=self.device
            )
        faces, labels = self._reader.get(step)
        torch.manual_seed((self.spec.seed * 1_000_003 + step) % 2**63 + rank)  # dropout
        share = self.network(faces.to(self.weight_type))
        vectors = self.all_gather(share, sync_grads=True) if world > 1 else share
        if not isinstance(vectors, torch.Tensor):
            raise TypeError(f"all_gather of a tensor returned a {type(vectors).__name__}")
        vectors = vectors.flatten(0, 1) if world > 1 else vectors
        labels = labels.to(self.device)
        pairs = self._mine(vectors, labels) if self._mine else None
        loss: Tensor = self.criterion(vectors, labels, pairs)
        check_loss(loss, self.global_step, self.spec.rate)
        now, self._last = perf_counter() - self._last, perf_counter()
        self.log_dict(
            {
                "loss": loss.detach(),
                "active": measure_active_share(vectors.detach(), labels, self.spec.alpha),
                "learning_rate": self.optimizers().param_groups[0]["lr"],  # type: ignore[union-attr]  # one optimiser
                "images_per_second": len(labels) / now,
            },
            prog_bar=True,
        )
        return loss

    @property
    def weight_type(self) -> torch.dtype:
        """Type of the weights, which the pictures must have."""
        return next(self.network.parameters()).dtype

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002 - Lightning's signature
        """Move the average of the weights."""
        if self.average and (batch_idx + 1) % self.spec.accumulate == 0:
            self.average.update_parameters(self.network)

    def teardown(self, stage: str) -> None:  # noqa: ARG002 - Lightning's signature
        """End the threads that prepare batches, however the training ended."""
        if self._reader:
            self._reader.close()

    def try_step(self, photos: int) -> None:
        """Compute a gradient of fewer photos, to see whether they fit into memory."""
        faces = to_tensor(self.batches.read(np.arange(photos)))
        self.network(faces.to(self.device, self.weight_type)).sum().backward()
        self.network.zero_grad(set_to_none=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW for the network and for the weights of a loss over classes."""
        return make_adamw(self, self.spec.rate, self.spec.scale_rate, weight_decay=0.01)


class BestWeights(Callback):
    """Validate on people that were not trained on, and keep the best weights.

    Args:
        path: the file of the best weights.
        spec: the options.
        judges: the people that validate; None for no validation.

    Attributes:
        best: the best measurement so far.
    """

    def __init__(self, path: Path, spec: IdentitySpec, judges: People | None) -> None:
        self._path, self._spec, self._judges = path, spec, judges
        self.best: Verification | None = None

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ARG002 - Lightning's signature
        batch: Any,  # noqa: ARG002 - as above
        batch_idx: int,
    ) -> None:
        """Validate at each `check_every` steps and at the end."""
        step = trainer.global_step
        if (
            self._judges is None
            or not isinstance(pl_module, IdentityTraining)
            or (batch_idx + 1) % self._spec.accumulate
            or (step % self._spec.check_every and step < self._spec.steps)
        ):
            return
        vectors, labels = embed_people(pl_module.embedder, self._judges)
        found = measure_verification(vectors, labels)
        figures = {"eer": found.eer, "accuracy": found.accuracy}
        figures |= {f"tar@{far:g}": tar for far, tar in zip(TARGET_RATES, found.tar, strict=True)}
        for logger in trainer.loggers:
            logger.log_metrics(figures, step - 1)  # steps are numbered from 0 in the table
        if self.best is None or found.eer < self.best.eer:
            self.best = found
            if trainer.is_global_zero:
                save_tensors(self._path, pl_module.embedder.state_dict())

    def load_into(self, network: EmbeddingNetwork) -> None:
        """Give a network the best weights; without a validation it keeps its own."""
        if self.best is not None:
            network.load_state_dict(torch.load(self._path, weights_only=True, map_location="cpu"))

    def to_json(self) -> dict[str, Any] | None:
        """Return the best measurement in JSON types; None without a validation."""
        return asdict(self.best) if self.best else None

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint stores."""
        return {"best": self.to_json()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        best = state_dict["best"]
        self.best = Verification(**{**best, "tar": tuple(best["tar"])}) if best else None


@torch.no_grad()
def embed_people(
    network: EmbeddingNetwork, people: People
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.intp]]]:
    """Embed people's photos, at most eight of each.

    Returns:
        float64[n, d] and int[n], the person of each row.
    """
    faces, labels = people.take_photos(_MAX_PHOTOS)
    weight = next(network.parameters())
    was_training = network.training
    network.eval()
    parts = [
        network(to_tensor(faces[first : first + _BATCH_FACES]).to(weight)).cpu().double()
        for first in range(0, len(faces), _BATCH_FACES)
    ]
    network.train(was_training)
    return torch.cat(parts).numpy(), labels


def evaluate(network: EmbeddingNetwork, people: People) -> Verification:
    """Compare photos of people, at most eight of each, each with each.

    Args:
        network: an embedder of the lab.
        people: people whom it was not trained on; otherwise the figures are too good.

    Raises:
        UsageError: when there is no pair of photos of one person, or none of two people.
    """
    return measure_verification(*embed_people(network, people))


def _make_average(network: EmbeddingNetwork, decay: float) -> AveragedModel:
    """Return a moving average of the weights, which begins fast so that no start is remembered."""

    def average(averaged: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
        share = min(decay, (1 + float(count)) / (10 + float(count)))
        return averaged.lerp(current, 1 - share)

    with torch.random.fork_rng():
        model = AveragedModel(copy.deepcopy(network), avg_fn=average, use_buffers=False)
    return model.requires_grad_(requires_grad=False)
