"""Many people come in; an embedder trained from scratch goes out.

The same call trains in one process or in many, on one machine or on several: Lightning's
distributed strategy starts the processes and averages the gradients. Each process embeds
its share of a batch; the vectors are gathered with their gradients, so that mining and
loss see the whole batch however many processes share it.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from pytorch_metric_learning import distances, losses, miners
from torch.optim import AdamW

from onlyme.errors import UsageError
from onlyme.lab.augment import augment, make_generator
from onlyme.lab.networks import Compact, to_tensor
from onlyme.lab.people import IdentitySampler
from onlyme.lab.train import make_loggers, make_step_loader, silence_lightning
from onlyme.storage.files import open_draft, replace_public

if TYPE_CHECKING:
    from pathlib import Path

    from lightning.pytorch import Callback
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
    from torch import Tensor

    from onlyme.lab.people import People

__all__ = ["IdentitySpec", "load_embedder", "train_identities"]


@dataclass(frozen=True, slots=True)
class IdentitySpec:
    """How an embedder is trained.

    Attributes:
        dimension: length of its vectors.
        people: people in a batch; all processes together.
        photos: photos of each.
        alpha: margin of the triplet loss, on vectors of unit length.
        steps: how many batches.
        rate: learning rate at its highest; it rises for a tenth of the steps, then falls.
        seed: of weights, batches and augmentation.
        devices: processes on each machine (graphics cards where there are any).
        nodes: machines.
        precision: Lightning's: `32-true`, `bf16-mixed`, `16-mixed` …
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
        """How many processes there are."""
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

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:  # noqa: ARG002 - a step is its number
        """Embed this process's share, gather, mine over the whole batch."""
        step, rank, world = self.global_step, self.global_rank, self.trainer.world_size
        whole = self.batches.draw_batch(step)
        faces = augment(to_tensor(self.batches.faces[whole]), make_generator(self.spec.seed, step))
        mine = self.network(faces[rank::world].to(self.network.out.weight))
        vectors = self.all_gather(mine, sync_grads=True) if world > 1 else mine
        if not isinstance(vectors, torch.Tensor):
            raise TypeError("a tensor was gathered, and something else came back")
        labels = torch.from_numpy(self.batches.labels[whole])
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

        def share(step: int) -> float:
            if step < rise:
                return (step + 1) / rise
            return 0.5 + 0.5 * math.cos(math.pi * (step - rise) / fall)

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
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

    With more than one process, Lightning starts the calling script anew for each of the
    others; on several machines the command is started on each, with the address of the
    first in MASTER_ADDR, and NODE_RANK (see Lightning's handbook on clusters).

    Args:
        people: with two photos or more each.
        spec: how.
        out: folder for the weights (`embedder.pt`), `embedder.json`, checkpoint and log.
        resume: go on from the folder's checkpoint.
        progress: show a progress bar on stderr.

    Raises:
        UsageError: too few people, a folder in use, or a batch that the processes cannot
            share evenly.
    """
    batches = IdentitySampler(people, spec.people, spec.photos, spec.seed)
    if batches.size % spec.world:
        raise UsageError(f"{spec.world} processes cannot share {batches.size} photos evenly")
    checkpoint = out / "last.ckpt"
    if checkpoint.exists() and not resume:
        raise UsageError(f"{out} holds a run already; resume it, or choose another folder")
    training = IdentityTraining(spec, batches)
    every = min(spec.steps, 50)
    callbacks: list[Callback] = [
        ModelCheckpoint(out, "last", every_n_train_steps=every, enable_version_counter=False)
    ]
    with silence_lightning():
        trainer = Trainer(
            devices=spec.devices,
            num_nodes=spec.nodes,
            strategy="ddp" if spec.world > 1 else "auto",
            precision=spec.precision,  # type: ignore[arg-type]  # Lightning names what it does not know
            max_steps=spec.steps,
            callbacks=[*callbacks, TQDMProgressBar()] if progress else callbacks,
            logger=make_loggers(out),
            log_every_n_steps=1,
            use_distributed_sampler=False,  # each process takes its share by itself
            enable_progress_bar=progress,
            enable_model_summary=False,
        )
        goes_on = str(checkpoint) if checkpoint.exists() else None
        trainer.fit(training, make_step_loader(every), ckpt_path=goes_on, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    if trainer.is_global_zero:
        replace_public(out / "embedder.json", json.dumps(asdict(spec), indent=2).encode())
        with open_draft(out / "embedder.pt", mode=0o666) as file:  # less the umask
            torch.save(training.network.cpu().state_dict(), file)
    return training.network.cpu().eval()


def load_embedder(folder: Path) -> Compact:
    """Return what `train_identities` left in a folder.

    Raises:
        UsageError: when it holds no finished run.
    """
    weights = folder / "embedder.pt"
    if not weights.exists():
        raise UsageError(f"{folder} holds no trained embedder")
    spec = IdentitySpec(**json.loads((folder / "embedder.json").read_text("utf-8")))
    network = Compact(spec.dimension)
    network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()
