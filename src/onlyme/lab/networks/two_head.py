"""Define the article's second way: a network that says *same* or *not same* of two photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from onlyme.lab.networks.classifier import balanced_cross_entropy
from onlyme.lab.networks.compact import Trunk

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TwoHead"]


class TwoHead(nn.Module):
    """One head for the stored photo and one for the camera's, joined by a judge network.

    The two heads share their weights. The judge gets the difference and the product of
    their features, so that the answer does not depend on the order of the photos (as in
    Koch et al., Siamese Neural Networks for One-shot Image Recognition, 2015).

    Args:
        whole: takes whole photos and not aligned faces.

    Attributes:
        threshold: a photo with this score or a higher one is accepted; 0 is even odds.
        settled_loss: the loss at which there is nothing left to learn.
    """

    threshold = 0.0
    settled_loss = 0.01

    def __init__(self, *, whole: bool = False) -> None:
        super().__init__()
        self.trunk = Trunk(whole=whole)
        self.judge = nn.Sequential(
            nn.Linear(2 * self.trunk.features, 64), nn.ReLU(), nn.Linear(64, 1)
        )

    def loss(self, me: Tensor, not_me: Tensor) -> Tensor:
        """Return the cross entropy over all pairs; *same* and *not same* weigh alike.

        *Same* are the pairs of different ME photos; *not same* are the pairs of ME and
        NOT_ME. Two strangers make no pair, since it is unknown whether they are one person.
        """
        features = self.trunk(torch.cat([me, not_me]))
        mine, others = features[: len(me)], features[len(me) :]
        apart = ~torch.eye(len(me), dtype=torch.bool, device=me.device)
        same = self._compare_pairs(mine, mine)[apart]
        different = self._compare_pairs(mine, others)
        return balanced_cross_entropy(same, different)

    def pair_loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the cross entropy over all pairs of a batch of many people, weighed alike.

        Args:
            features: float[n, c] of the trunk.
            labels: int[n], the person of each row.
        """
        logits = self._compare_pairs(features, features)
        apart = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        same = (labels[:, None] == labels[None]) & apart
        return balanced_cross_entropy(logits[same], logits[~same & apart])

    def store(self, me: Tensor, not_me: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG002 - this way compares with ME only
        """Return the features of the stored ME photos."""
        return (self.trunk(me),)

    def pair_scores(self, stored: tuple[Tensor, ...], probes: Tensor) -> Tensor:
        """Return each probe's logit with each stored ME photo."""
        (me,) = stored
        return self._compare_pairs(self.trunk(probes), me)

    def join_pairs(self, scores: Tensor) -> Tensor:
        """Return each probe's mean logit over the stored ME photos."""
        return scores.mean(1)

    def _compare_pairs(self, a: Tensor, b: Tensor) -> Tensor:
        """Return float[len(a), len(b)], the logits of all pairs."""
        rows, columns = a[:, None], b[None]
        joined = torch.cat([(rows - columns).abs(), rows * columns], -1)
        return self.judge(joined)[..., 0]  # type: ignore[no-any-return]  # torch calls layers untyped
