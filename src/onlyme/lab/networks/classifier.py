"""Define the article's first way: a simple CNN that says *owner* or *non-owner*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from onlyme.lab.networks.compact import Trunk

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Classifier", "balanced_cross_entropy"]


def balanced_cross_entropy(yes: Tensor, no: Tensor) -> Tensor:
    """Return the cross entropy of logits that should be high and low; both groups weigh alike."""
    return 0.5 * (
        binary_cross_entropy_with_logits(yes, torch.ones_like(yes))
        + binary_cross_entropy_with_logits(no, torch.zeros_like(no))
    )


class Classifier(nn.Module):
    """A network that gives a photo one logit; above 0 means *owner*.

    Args:
        whole: takes whole photos and not aligned faces.

    Attributes:
        threshold: a photo with this score or a higher one is accepted; 0 is even odds.
        settled_loss: the loss at which there is nothing left to learn; cross entropy
            never reaches zero.
    """

    threshold = 0.0
    settled_loss = 0.01

    def __init__(self, *, whole: bool = False) -> None:
        super().__init__()
        self.trunk = Trunk(whole=whole)
        self.out = nn.Linear(self.trunk.features, 1)

    def loss(self, me: Tensor, not_me: Tensor) -> Tensor:
        """Return the cross entropy; ME and NOT_ME weigh the same for any number of photos."""
        logits = self._compute_logits(torch.cat([me, not_me]))
        return balanced_cross_entropy(logits[: len(me)], logits[len(me) :])

    def store(self, me: Tensor, not_me: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG002 - only the other ways compare with photos
        """Return nothing: the photos are in the weights."""
        return ()

    def pair_scores(self, stored: tuple[Tensor, ...], probes: Tensor) -> Tensor:  # noqa: ARG002 - see `store`
        """Return the logits of the probes, one for each."""
        return self._compute_logits(probes)[:, None]

    def join_pairs(self, scores: Tensor) -> Tensor:
        """Return the logits of the probes."""
        return scores[:, 0]

    def _compute_logits(self, images: Tensor) -> Tensor:
        logits: Tensor = self.out(self.trunk(images))
        return logits[:, 0]
