"""One way as Lightning trains it, and the rule by which training ends.

A step is a function of the seed and the number of the step: augmentation and dropout
are seeded anew for each. A run that was killed and resumed therefore takes the steps
that the uninterrupted one would have taken.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback, LightningModule
from torch.optim import SGD, AdamW, Optimizer

from onlyme.lab.augment import augment, make_generator
from onlyme.lab.networks import to_tensor

if TYPE_CHECKING:
    from lightning.pytorch import Trainer
    from torch import Tensor

    from onlyme.lab.photos import Photos
    from onlyme.lab.spec import Spec

__all__ = ["StoppingRule", "Training"]


class Training(LightningModule):
    """A network, its photos and its optimiser."""

    def __init__(self, spec: Spec, photos: Photos) -> None:
        super().__init__()
        self.spec = spec
        self.network = spec.build_network()
        self.me, self.not_me = to_tensor(photos.me), to_tensor(photos.not_me)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:  # noqa: ARG002 - a step is its number
        """Take one step over all photos, augmented anew."""
        source = make_generator(self.spec.seed, self.global_step)
        torch.manual_seed(self.spec.seed * 1_000_003 + self.global_step)  # dropout
        me = augment(self.me.to(self.device), source)
        loss = self.network.loss(me, augment(self.not_me.to(self.device), source))
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> Optimizer:
        """SGD with the article's momentum for `article`, whose size leaves no room for more."""
        rate = self.spec.learning_rate
        if self.spec.way == "article":
            return SGD(self.network.parameters(), rate, momentum=0.5)
        return AdamW(self.network.parameters(), rate, weight_decay=0.01)

    @torch.no_grad()
    def compute_clean_loss(self) -> float:
        """The loss of the photos as they are, without dropout."""
        self.network.eval()
        loss = self.network.loss(self.me.to(self.device), self.not_me.to(self.device))
        self.network.train()
        return float(loss)


class StoppingRule(Callback):
    """End training when there is nothing left to learn, or nothing more is learned.

    Attributes:
        curve: step, clean loss and augmented loss of each look so far.
        reason: `zero loss`, `plateau`, `diverged` (the loss is no number any more: the
            learning rate is too high), or `limit` while it is none of these.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.curve: list[tuple[int, float, float]] = []
        self.reason = "limit"
        self._best, self._since, self._settled = float("inf"), 0, 0

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,  # noqa: ARG002 - Lightning's signature
        batch_idx: int,  # noqa: ARG002 - it begins anew when a run is resumed
    ) -> None:
        """Look at the clean loss, every so many steps and at the limit."""
        step = trainer.global_step
        if not isinstance(pl_module, Training) or (
            step % self._spec.every and step < self._spec.most_steps
        ):
            return
        loss = pl_module.compute_clean_loss()
        pl_module.log("clean_loss", loss, prog_bar=True)
        self.curve.append((step, loss, float(outputs["loss"])))
        self._settled = self._settled + 1 if loss <= pl_module.network.settled else 0
        better = loss < self._best * 0.99
        self._best, self._since = (loss, 0) if better else (self._best, self._since + 1)
        if not math.isfinite(loss):
            self.reason = "diverged"
        elif self._settled >= self._spec.patience:
            self.reason = "zero loss"
        elif self._settled == 0 and 0 < self._spec.most_looks <= self._since:
            self.reason = "plateau"
        trainer.should_stop = self.reason != "limit"

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        counts = {"best": self._best, "since": self._since, "settled": self._settled}
        return {"curve": self.curve, "reason": self.reason, **counts}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.curve = [tuple(row) for row in state_dict["curve"]]
        self.reason = state_dict["reason"]
        self._best, self._since = state_dict["best"], state_dict["since"]
        self._settled = state_dict["settled"]
