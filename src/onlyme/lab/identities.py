"""Train an embedder from scratch on many people.

The same call trains in one process or in many, on one machine or on several: Lightning's
distributed strategy starts the processes and averages the gradients. Each process embeds
its share of a batch. The vectors are gathered with their gradients, so that mining and
loss see the whole batch for any number of processes.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from lightning.pytorch import LightningModule
from pytorch_metric_learning import distances, losses, miners
from torch.optim import AdamW

from onlyme.errors import UsageError
from onlyme.lab.augment import augment, make_generator
from onlyme.lab.networks import Compact, to_tensor
from onlyme.lab.people import IdentitySampler
from onlyme.lab.run import CHECKPOINT_NAME
from onlyme.lab.train import run_trainer
from onlyme.storage.files import open_draft, replace_public

if TYPE_CHECKING:
    from pathlib import Path

    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
    from torch import Tensor

    from onlyme.lab.people import People

__all__ = ["IdentitySpec", "load_embedder", "train_identities"]


@dataclass(frozen=True, slots=True)
class IdentitySpec:
    """Options of the training of an embedder.

    Attributes:
        dimension: length of its vectors.
        people: people in a batch, over all processes.
        photos: photos of each person in a batch.
        alpha: margin of the triplet loss, on vectors of unit length.
        steps: number of batches.
        rate: highest learning rate; it rises for a tenth of the steps, then falls.
        seed: seed of weights, batches and augmentation.
        devices: processes on each machine (graphics cards where there are any).
        nodes: number of machines.
        precision: Lightning's name for it: `32-true`, `bf16-mixed`, `16-mixed` …
    """

    dimension: int = 128
    people: int = 32
    photos: int = 4
    alpha: float = 0.2
    steps: int = 2000
    rate: float = 1e-3
    seed: int = 0
    devices: int = 1
    nodes: int = 1
    precision: str = "32-true"

    @property
    def world(self) -> int:
        """Number of processes."""
        return self.devices * self.nodes


class IdentityTraining(LightningModule):
    """The embedder, its batches, online mining and its optimiser."""

    def __init__(self, spec: IdentitySpec, batches: IdentitySampler) -> None:
        super().__init__()
        self.spec, self.batches = spec, batches
        with torch.random.fork_rng():
            torch.manual_seed(spec.seed)
            self.network = Compact(spec.dimension)
        distance = distances.LpDistance()
        self._mine = miners.TripletMarginMiner(spec.alpha, "semihard", distance=distance)
        self._loss = losses.TripletMarginLoss(spec.alpha, distance=distance)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:  # noqa: ARG002 - a step depends only on its number
        """Embed this process's share, gather all vectors, and mine over the whole batch."""
        step, rank, world = self.global_step, self.global_rank, self.trainer.world_size
        chosen = self.batches.draw_batch(step)
        faces = augment(to_tensor(self.batches.faces[chosen]), make_generator(self.spec.seed, step))
        share = self.network(faces[rank::world].to(self.network.out.weight))
        vectors = self.all_gather(share, sync_grads=True) if world > 1 else share
        if not isinstance(vectors, torch.Tensor):
            raise TypeError(f"all_gather of a tensor returned a {type(vectors).__name__}")
        labels = torch.from_numpy(self.batches.labels[chosen])
        if world > 1:
            vectors = vectors.flatten(0, 1)
            labels = torch.cat([labels[r::world] for r in range(world)])
        labels = labels.to(self.device)
        loss: Tensor = self._loss(vectors, labels, self._mine(vectors, labels))
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW; the rate rises for a tenth of the steps, then falls along half a cosine."""
        optimizer = AdamW(self.network.parameters(), self.spec.rate, weight_decay=0.01)
        rise = max(1, self.spec.steps // 10)
        fall = max(1, self.spec.steps - rise)

        def scale_rate(step: int) -> float:
            if step < rise:
                return (step + 1) / rise
            return 0.5 + 0.5 * math.cos(math.pi * (step - rise) / fall)

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, scale_rate)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def train_identities(
    people: People,
    spec: IdentitySpec,
    out: Path,
    *,
    resume: bool = False,
    progress: bool = False,
) -> Compact:
    """Train an embedder on many people.

    With more than one process, Lightning starts the calling script once more for each of the
    other processes. With several machines, start the command on each of them, with the address
    of the first in MASTER_ADDR, and with NODE_RANK (see Lightning's handbook on clusters).

    Args:
        people: people with two photos or more each; others are left out.
        spec: the options.
        out: folder for the weights (`embedder.pt`), `embedder.json`, checkpoint and log.
        resume: continue from the folder's checkpoint.
        progress: show a progress bar on stderr.

    Raises:
        UsageError: when there are too few people, the folder is in use, or the processes
            cannot share a batch evenly.
    """
    batches = IdentitySampler(people, spec.people, spec.photos, spec.seed)
    if batches.size % spec.world:
        raise UsageError(
            f"{spec.world} processes cannot share a batch of {batches.size} photos evenly; "
            "change the number of people or photos in a batch"
        )
    if (out / CHECKPOINT_NAME).exists() and not resume:
        raise UsageError(
            f"{out} already holds a run; continue it with --resume, or choose another folder"
        )
    training = IdentityTraining(spec, batches)
    trainer = run_trainer(
        training,
        out,
        max_steps=spec.steps,
        every=min(spec.steps, 50),
        progress=progress,
        devices=spec.devices,
        num_nodes=spec.nodes,
        strategy="ddp" if spec.world > 1 else "auto",
        precision=spec.precision,
        use_distributed_sampler=False,  # each process takes its share by itself
    )
    if trainer.is_global_zero:
        replace_public(out / "embedder.json", json.dumps(asdict(spec), indent=2).encode())
        with open_draft(out / "embedder.pt", mode=0o666) as file:  # less the umask
            torch.save(training.network.cpu().state_dict(), file)
    return training.network.cpu().eval()


def load_embedder(folder: Path) -> Compact:
    """Return the embedder that `train_identities` wrote into a folder.

    Raises:
        UsageError: when the folder holds no finished run.
    """
    weights = folder / "embedder.pt"
    if not weights.exists():
        raise UsageError(
            f"{folder} holds no trained embedder; make one with onlyme lab train-identities"
        )
    spec = IdentitySpec(**json.loads((folder / "embedder.json").read_text("utf-8")))
    network = Compact(spec.dimension)
    network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()
