"""The article's first way: a simple CNN that says *owner* or *non-owner*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from onlyme.lab.networks.compact import Trunk

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Classifier"]


class Classifier(nn.Module):
    """One photo in, one logit out; above 0 it says *owner*.

    Args:
        whole: takes whole photos and not aligned faces.

    Attributes:
        threshold: the score from which on a photo is accepted, 0: even odds.
        settled: a loss so small that there is nothing left to learn; the logarithm
            never reaches zero.
    """

    threshold = 0.0
    settled = 0.01

    def __init__(self, *, whole: bool = False) -> None:
        super().__init__()
        self.trunk = Trunk(whole=whole)
        self.out = nn.Linear(self.trunk.features, 1)

    def loss(self, me: Tensor, not_me: Tensor) -> Tensor:
        """Cross entropy, in which ME and NOT_ME weigh the same however many they are."""
        logits = self._compute_logits(torch.cat([me, not_me]))
        mine, others = logits[: len(me)], logits[len(me) :]
        return 0.5 * (
            binary_cross_entropy_with_logits(mine, torch.ones_like(mine))
            + binary_cross_entropy_with_logits(others, torch.zeros_like(others))
        )

    def store(self, me: Tensor, not_me: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG002 - the other ways compare
        """Return nothing: the photos are in the weights."""
        return ()

    def scores(self, stored: tuple[Tensor, ...], probes: Tensor) -> Tensor:  # noqa: ARG002 - see `store`
        """Return the logits of the probes."""
        return self._compute_logits(probes)

    def _compute_logits(self, images: Tensor) -> Tensor:
        logits: Tensor = self.out(self.trunk(images))
        return logits[:, 0]
