"""The article's second way: two photos in, *same* or *not same* out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from onlyme.lab.networks.compact import Trunk

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TwoHead"]


class TwoHead(nn.Module):
    """One head for the stored photo and one for the camera's, joined by a judge.

    The two heads share their weights, and the judge sees the difference and the product
    of what they say, so that the answer does not depend on which photo comes first (as
    in Koch et al., Siamese Neural Networks for One-shot Image Recognition, 2015).

    Args:
        whole: takes whole photos and not aligned faces.

    Attributes:
        threshold: the score from which on a photo is accepted, 0: even odds.
        settled: a loss so small that there is nothing left to learn.
    """

    threshold = 0.0
    settled = 0.01

    def __init__(self, *, whole: bool = False) -> None:
        super().__init__()
        self.trunk = Trunk(whole=whole)
        self.judge = nn.Sequential(
            nn.Linear(2 * self.trunk.features, 64), nn.ReLU(), nn.Linear(64, 1)
        )

    def loss(self, me: Tensor, not_me: Tensor) -> Tensor:
        """Cross entropy over all pairs; *same* and *not same* weigh alike.

        Same are the pairs of different ME photos; not same are ME with NOT_ME. Two
        strangers are no pair: nobody says whether they are one person.
        """
        features = self.trunk(torch.cat([me, not_me]))
        mine, others = features[: len(me)], features[len(me) :]
        apart = ~torch.eye(len(me), dtype=torch.bool, device=me.device)
        same = self._compare_pairs(mine, mine)[apart]
        different = self._compare_pairs(mine, others)
        return 0.5 * (
            binary_cross_entropy_with_logits(same, torch.ones_like(same))
            + binary_cross_entropy_with_logits(different, torch.zeros_like(different))
        )

    def store(self, me: Tensor, not_me: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG002 - it compares with ME only
        """Return what one head says about the stored ME photos."""
        return (self.trunk(me),)

    def scores(self, stored: tuple[Tensor, ...], probes: Tensor) -> Tensor:
        """Return each probe's mean logit over the stored ME photos."""
        (me,) = stored
        return self._compare_pairs(self.trunk(probes), me).mean(1)

    def _compare_pairs(self, a: Tensor, b: Tensor) -> Tensor:
        """Logits float[len(a), len(b)]."""
        left, right = a[:, None], b[None]
        joined = torch.cat([(left - right).abs(), left * right], -1)
        logits: Tensor = self.judge(joined)
        return logits[..., 0]
