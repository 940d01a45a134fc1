"""Define the article's chosen way: one CNN maps every photo to a vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from onlyme.lab.triplets import euclidean, make_triplet_loss

if TYPE_CHECKING:
    from torch import Tensor

    from onlyme.lab.networks._input import EmbeddingNetwork
    from onlyme.lab.triplets import Kind

__all__ = ["Siamese", "compute_pair_margins"]


def compute_pair_margins(me: Tensor, not_me: Tensor, probes: Tensor) -> Tensor:
    """Return the article's rule for each stored pair: d(x, N) − d(x, P).

    The article's demo asks one of these pairs, and accepts when the loss of the triplet
    (x, P, N) is zero, which is when this margin reaches alpha.

    Args:
        me: float[m, d].
        not_me: float[n, d].
        probes: float[k, d].

    Returns:
        float[k, m·n], ordered by P, then N.

    >>> one = torch.tensor([[0.0], [0.5]]), torch.tensor([[4.0]])
    >>> compute_pair_margins(*one, torch.tensor([[1.0]])).tolist()
    [[2.0, 2.5]]
    """
    near, far = euclidean(probes, me), euclidean(probes, not_me)
    return (far[:, None, :] - near[:, :, None]).flatten(1)


class Siamese(nn.Module):
    """An embedder that is trained on triplets and decides by distances.

    Args:
        embedder: maps float[n, 3, S, S] in [0, 1] to float[n, d].
        kind: kind of triplet loss.
        alpha: margin of the loss, −1 to 1.

    Attributes:
        threshold: a face with this margin or a higher one is accepted: alpha. The article
            advises to lower it afterwards.
        settled_loss: 0, since a triplet loss can reach zero.
        criterion: the triplet loss.
    """

    settled_loss = 0.0

    def __init__(self, embedder: EmbeddingNetwork, kind: Kind, alpha: float) -> None:
        super().__init__()
        self.embedder = embedder
        self.threshold = alpha
        self.criterion = make_triplet_loss(kind, alpha)

    def loss(self, me: Tensor, not_me: Tensor) -> Tensor:
        """Return the loss of all triplets, or in training of those that the kind selects.

        Each photo is embedded once.
        """
        vectors = self.embedder(torch.cat([me, not_me]))
        return self.criterion(vectors[: len(me)], vectors[len(me) :], mined=self.training)

    def store(self, me: Tensor, not_me: Tensor) -> tuple[Tensor, ...]:
        """Return the vectors of the stored photos."""
        return self.embedder(me), self.embedder(not_me)

    def pair_scores(self, stored: tuple[Tensor, ...], probes: Tensor) -> Tensor:
        """Return the margins of the probes for each pair of stored photos."""
        me, not_me = stored
        return compute_pair_margins(me, not_me, self.embedder(probes))

    def join_pairs(self, scores: Tensor) -> Tensor:
        """Return the rule of all triplets as a score, the margin that all pairs reach.

        It is d(x, NOT_ME) − d(x, ME) with the farthest stored ME vector and the nearest stored
        stranger, and reaches alpha exactly when the loss of x as an anchor is zero with all stored
        photos. The door therefore asks the same of a face as training asks of the owner's photos.
        """
        return scores.amin(1)
