"""Train the shipped embedder further: on one's own people, or on degraded faces.

`finetune` learns from people; `distill` needs no names, since the shipped network is the
teacher: the student must make the teacher's vector of the clean face, also from a small, grey
or blurred copy of it. Against forgetting, both hold the student near the teacher on clean
faces, and half of each batch stays clean. `distill` also keeps the teacher: a gate asks it about
sharp faces, and the student about the others.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch.nn.functional import avg_pool2d, interpolate

from onlyme.errors import UsageError
from onlyme.lab.augment import make_generator
from onlyme.lab.embedder_run import begin, check_finite, check_loss, finish, make_adamw
from onlyme.lab.identity_spec import scale_rate
from onlyme.lab.losses import LOSSES, make_loss
from onlyme.lab.networks import to_tensor
from onlyme.lab.networks.sface import GatedSFace, read_sface
from onlyme.lab.out_of_memory import explain_memory
from onlyme.lab.people import IdentitySampler
from onlyme.lab.trainer import run_trainer

if TYPE_CHECKING:
    from pathlib import Path

    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
    from torch import Generator, Tensor

    from onlyme.lab.networks import EmbeddingNetwork
    from onlyme.lab.people import People

__all__ = ["FineTuneSpec", "degrade_faces", "finetune", "load_finetuned"]

_FREE = frozenset({"steps"})
_SMALLEST_SIDE, _LARGEST_SIDE = 10, 56
"""Sides of a face to which degraded copies are shrunk, in pixels."""

_EXPLAIN_BATCH = (
    "a batch of {count} photos needs more memory than there is; {fit} photos fit: make the batch "
    "smaller, or freeze more blocks"
)


@dataclass(frozen=True, slots=True)
class FineTuneSpec:
    """Options of further training.

    Attributes:
        loss: one of `onlyme.lab.losses.LOSSES`, on the people's names; `none` for the distance
            to the teacher alone.
        alpha: margin of the loss, where it has one.
        pull: weight of the mean of 1 − cosine between student and teacher.
        degrade: make half of each batch small, grey or blurred.
        gated: the new network asks the student about small and blurred faces only, and gives
            sharp ones the shipped network's vectors.
        frozen: number of the network's 27 blocks, from the first, that stay as they are.
        people: people in a batch.
        photos: photos of each person in a batch.
        steps: number of batches.
        rate: highest learning rate.
        seed: seed of batches and degradation.

    Raises:
        UsageError: when a value is out of its range.
    """

    loss: str = "none"
    alpha: float = 0.2
    pull: float = 1.0
    degrade: bool = True
    gated: bool = False
    frozen: int = 0
    people: int = 16
    photos: int = 2
    steps: int = 200
    rate: float = 3e-4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.loss not in {"none", *LOSSES}:
            raise UsageError(f"no loss is called {self.loss!r}; known: none, {', '.join(LOSSES)}")
        if not (0 < self.rate < math.inf and 0 <= self.pull < math.inf and -1 <= self.alpha <= 1):
            raise UsageError("rate and pull must be numbers above 0, and alpha between -1 and 1")
        if self.loss == "none" and not self.pull:
            raise UsageError("without a loss and without a pull there is nothing to learn")
        if not 0 <= self.frozen <= 27:
            raise UsageError(f"frozen = {self.frozen} is not between 0 and the 27 blocks")
        if self.steps < 1:
            raise UsageError("steps must be at least 1")

    def scale_rate(self, step: int) -> float:
        """Return the share of the highest rate: up for a tenth of the steps, then a cosine."""
        return scale_rate(step, self.steps, 0.1)


def finetune(
    people: People,
    spec: FineTuneSpec,
    teacher: bytes,
    out: Path,
    *,
    resume: bool = False,
    progress: bool = False,
) -> EmbeddingNetwork:
    """Train the shipped embedder further.

    Args:
        people: whose faces it learns from. With a loss on names, people with one photo are left
            out; without one (distillation) all photos serve, and no name is used.
        spec: the options.
        teacher: the bytes of the shipped embedder's file.
        out: folder for the weights (`embedder.pt`), `embedder.json`, checkpoint and log.
        resume: continue the run that the folder holds.
        progress: show a progress bar on stderr.

    Returns:
        The student in evaluation mode, behind its gate where it has one.

    Raises:
        UsageError: when there are too few people, the folder is in use, the run has other options
            or people, or training diverged.
    """
    # Without names each photo may be a person of its own, and all serve.
    nameless = spec.loss == "none"
    batches = IdentitySampler(
        people, spec.people, spec.photos, spec.seed, uniform=nameless, singles=nameless
    )
    if begin(out, asdict(spec), people, free=_FREE, resume=resume):
        return load_finetuned(out, teacher)
    training = FineTuning(spec, batches, teacher)
    with explain_memory(training.try_step, batches.size, _EXPLAIN_BATCH):
        run_trainer(
            training, out, max_steps=spec.steps, every=min(spec.steps, 50), progress=progress,
            devices=1, gradient_clip_val=5.0,
        )  # fmt: skip
    check_finite(training.student, spec.rate)
    report = {"network": "sface", "dimension": training.student.dimension, **asdict(spec)}
    finish(out, training.student, report, people)
    return load_finetuned(out, teacher)


def load_finetuned(folder: Path, teacher: bytes) -> EmbeddingNetwork:
    """Return the network that `finetune` wrote into a folder.

    Args:
        folder: of the run.
        teacher: the bytes of the shipped embedder's file, which gives the layers.
    """
    student = read_sface(teacher)
    student.load_state_dict(
        torch.load(folder / "embedder.pt", weights_only=True, map_location="cpu")
    )
    report = json.loads((folder / "embedder.json").read_text("utf-8"))
    if not report.get("gated"):
        return student.eval()
    return GatedSFace(read_sface(teacher), student, report["frozen"]).eval()


class FineTuning(LightningModule):
    """The student, its teacher, and the batches of both."""

    def __init__(self, spec: FineTuneSpec, batches: IdentitySampler, teacher: bytes) -> None:
        super().__init__()
        self.spec, self.batches = spec, batches
        self.student, self.teacher = read_sface(teacher), read_sface(teacher)
        self.student.freeze(spec.frozen)
        self.teacher.requires_grad_(requires_grad=False)
        with torch.random.fork_rng():
            torch.manual_seed(spec.seed)
            self.criterion = (
                None
                if spec.loss == "none"
                else make_loss(spec.loss, spec.alpha, batches.people, self.student.dimension)
            )

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:  # noqa: ARG002 - a step depends only on its number
        """Compare the student on clean and degraded faces with the teacher on clean ones."""
        source = make_generator(self.spec.seed, self.global_step)
        torch.manual_seed((self.spec.seed * 1_000_003 + self.global_step) % 2**63)  # dropout
        chosen = self.batches.draw_batch(self.global_step)
        clean = to_tensor(self.batches.read(chosen))
        mirrored = torch.rand(len(clean), generator=source) < 0.5
        clean[mirrored] = clean[mirrored].flip(-1)
        shown = clean.clone()
        if self.spec.degrade:
            # Every second photo, so that a person's photos are of both kinds.
            shown[::2] = degrade_faces(clean[::2], source)
        with torch.no_grad():
            target = self.teacher.eval()(clean.to(self.device))
        vectors = self.student(shown.to(self.device))
        distance = 1 - (vectors * target).sum(1).mean()
        loss: Tensor = self.spec.pull * distance
        if self.criterion is not None:
            labels = torch.from_numpy(self.batches.labels[chosen]).to(self.device)
            loss = loss + self.criterion(vectors, labels)
        check_loss(loss, self.global_step, self.spec.rate)
        self.log_dict({"loss": loss.detach(), "teacher_distance": distance.detach()}, prog_bar=True)
        return loss

    def try_step(self, photos: int) -> None:
        """Compute a gradient of fewer photos, to see whether they fit into memory."""
        faces = to_tensor(self.batches.read(np.arange(photos)))
        self.student(faces.to(self.device)).sum().backward()
        self.student.zero_grad(set_to_none=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW for what is not frozen."""
        return make_adamw(self, self.spec.rate, self.spec.scale_rate, weight_decay=1e-4)


def degrade_faces(faces: Tensor, source: Generator) -> Tensor:
    """Make faces as a bad camera shows them: small, half of them grey, some blurred, with noise.

    Args:
        faces: float[n, 3, S, S] in [0, 1].
        source: the random generator.

    Returns:
        The same shape and range.
    """
    result = []
    for face in faces:
        side = int(torch.randint(_SMALLEST_SIDE, _LARGEST_SIDE + 1, (), generator=source))
        blur, grey = torch.rand(2, generator=source).tolist()
        small = interpolate(face[None], (side, side), mode="area")
        if blur < 0.3:
            small = avg_pool2d(small, 3, stride=1, padding=1, count_include_pad=False)
        small = small + 0.02 * torch.randn(small.shape, generator=source)
        large = interpolate(small, face.shape[1:], mode="bilinear", align_corners=False)
        if grey < 0.5:
            large = large.mean(1, keepdim=True).expand_as(large)
        result.append(large[0].clamp(0, 1))
    return torch.stack(result)
