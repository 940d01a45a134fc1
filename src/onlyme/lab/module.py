"""Define how Lightning trains one way, and when training ends.

A step depends only on the seed and the number of the step: augmentation and dropout are
seeded again for each step. A run that was killed and resumed therefore takes the same steps
as an uninterrupted run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback, LightningModule
from torch.optim import SGD, AdamW, Optimizer

from onlyme.lab.augment import augment, make_generator
from onlyme.lab.networks import build_network, to_tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning.pytorch import Trainer
    from torch import Tensor

    from onlyme.lab.photos import Photos
    from onlyme.lab.spec import Spec

__all__ = ["Curve", "StoppingRule", "Training"]

Curve = list[tuple[int, float, float]]


class Training(LightningModule):
    """A network, its photos and its optimiser."""

    def __init__(self, spec: Spec, photos: Photos) -> None:
        super().__init__()
        self.spec = spec
        self.network = build_network(spec)
        self.me, self.not_me = to_tensor(photos.me), to_tensor(photos.not_me)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:  # noqa: ARG002 - a step depends only on its number
        """Take one step over all photos, with new augmentation."""
        source = make_generator(self.spec.seed, self.global_step)
        torch.manual_seed(self.spec.seed * 1_000_003 + self.global_step)  # dropout
        me, not_me = self.me.to(self.device), self.not_me.to(self.device)
        if self.spec.augment:
            me, not_me = augment(me, source), augment(not_me, source)
        loss = self.network.loss(me, not_me)
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> Optimizer:
        """Return SGD with the article's momentum for `article`, which is too large for AdamW."""
        rate = self.spec.learning_rate
        if self.spec.way == "article":
            return SGD(self.network.parameters(), rate, momentum=0.5)
        return AdamW(self.network.parameters(), rate, weight_decay=0.01)

    @property
    def photos(self) -> int:
        """Number of photos in a step: all."""
        return len(self.me) + len(self.not_me)

    def try_step(self, photos: int) -> None:
        """Compute loss and gradient of fewer photos, to see whether they fit into memory."""
        mine = max(2, min(len(self.me), photos - 1))
        loss = self.network.loss(self.me[:mine], self.not_me[: max(1, photos - mine)])
        torch.autograd.grad(loss, list(self.network.parameters()))

    def is_settled_untrained(self) -> bool:
        """Whether the network has nothing to learn from these photos before its first step."""
        return self.compute_clean_loss() <= self.network.settled_loss

    @torch.no_grad()
    def compute_clean_loss(self) -> float:
        """Return the loss of the photos without augmentation and dropout."""
        self.network.eval()
        loss = self.network.loss(self.me.to(self.device), self.not_me.to(self.device))
        self.network.train()
        return float(loss)


_STORED = {
    "curve": "curve", "reason": "reason", "best": "_best", "since": "_checks_since_best",
    "settled": "_settled_checks", "learned": "_has_learned",
}  # fmt: skip
"""What a checkpoint stores of the stopping rule, and the attribute that holds it."""


class StoppingRule(Callback):
    """End training when there is nothing left to learn, or the loss no longer improves.

    Args:
        spec: how the network is trained.
        on_check: called with the training and `curve` after each check.

    Attributes:
        curve: step, clean loss and augmented loss of each check so far.
        reason: `zero loss`, `plateau`, `diverged` (the loss is infinite or not a number: the
            learning rate is too high), `nothing learned` (no step had a loss), or `limit` as
            long as none of these is true.
    """

    def __init__(self, spec: Spec, on_check: Callable[[Training, Curve], None] | None) -> None:
        self._spec, self._on_check = spec, on_check
        self.curve: Curve = []
        self.reason = "limit"
        self._has_learned, self._best = False, float("inf")
        self._checks_since_best = self._settled_checks = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Check the clean loss, at each `every` steps and at the limit."""
        step = trainer.global_step
        self._has_learned |= bool(outputs["loss"] != 0)
        if not isinstance(pl_module, Training) or (
            step % self._spec.every and step < self._spec.max_steps
        ):
            return
        loss = pl_module.compute_clean_loss()
        pl_module.log("clean_loss", loss, prog_bar=True)
        self.curve.append((step, loss, float(outputs["loss"])))
        if self._on_check:
            self._on_check(pl_module, self.curve)
        settled = loss <= pl_module.network.settled_loss
        self._settled_checks = self._settled_checks + 1 if settled else 0
        self._checks_since_best += 1
        if loss < self._best * 0.99:
            self._best, self._checks_since_best = loss, 0
        if not math.isfinite(loss):
            self.reason = "diverged"
        elif self._settled_checks >= self._spec.patience:
            self.reason = "zero loss"
        elif not self._settled_checks and 0 < self._spec.plateau_checks <= self._checks_since_best:
            self.reason = "plateau"
        trainer.should_stop = self.reason != "limit"
        if not self._has_learned and (trainer.should_stop or step >= self._spec.max_steps):
            self.reason = "nothing learned"

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint stores."""
        return {key: getattr(self, name) for key, name in _STORED.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        for key, name in _STORED.items():
            setattr(self, name, state_dict[key])
