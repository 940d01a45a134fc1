"""Make the losses and miners for training on many people, from pytorch-metric-learning.

All embedders of this training make vectors of unit length. For such vectors the Euclidean
distance and the cosine rank all pairs alike, so each loss uses the one that it was published
with, and the product's rule, which is Euclidean, fits them all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from pytorch_metric_learning import distances, losses, miners

from onlyme.errors import UsageError
from onlyme.lab.triplets import euclidean

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LOSSES", "MINERS", "make_loss", "make_miner", "measure_active_share"]

LOSSES = (
    "triplet", "contrastive", "multi-similarity", "supcon", "circle", "arcface",
    "subcenter-arcface", "cosface",
)  # fmt: skip

MINERS = ("none", "semi-hard", "hard", "batch-hard", "multi-similarity")

_MAX_ACTIVE = 128
_TEMPERATURE = 0.1
_SCALE = 16.0
"""Scale of the losses over classes. 64, as for millions of photos, learns nothing from few."""


def make_loss(name: str, alpha: float, classes: int, dimension: int) -> torch.nn.Module:
    """Make a loss that takes float[n, d] of unit length and int[n], and returns one number.

    Args:
        name: one of `LOSSES`. AdaFace is not in the library.
        alpha: margin of `triplet`, `contrastive`, `cosface` (of the cosine) and, in radians, of
            the two ArcFaces; the others have none.
        classes: number of people in all; the losses over classes have a weight for each.
        dimension: d.

    Raises:
        UsageError: when there is no such loss.
    """
    over_classes = {"num_classes": classes, "embedding_size": dimension, "scale": _SCALE}
    match name:
        case "triplet":
            loss = losses.TripletMarginLoss(alpha, distance=distances.LpDistance())
        case "contrastive":
            loss = losses.ContrastiveLoss(0.0, max(alpha, 0.0) + 0.8)
        case "multi-similarity":
            loss = losses.MultiSimilarityLoss()
        case "supcon":
            loss = losses.SupConLoss(_TEMPERATURE)
        case "circle":
            loss = losses.CircleLoss()
        case "arcface":
            loss = losses.ArcFaceLoss(margin=math.degrees(alpha), **over_classes)
        case "subcenter-arcface":
            loss = losses.SubCenterArcFaceLoss(margin=math.degrees(alpha), **over_classes)
        case "cosface":
            loss = losses.CosFaceLoss(margin=alpha, **over_classes)
        case _:
            raise UsageError(f"no loss is called {name!r}; known: {', '.join(LOSSES)}")
    return loss  # type: ignore[no-any-return]  # the library has no types


def make_miner(name: str, alpha: float) -> miners.BaseMiner | None:
    """Make a miner, which selects pairs or triplets of a batch; None selects all.

    Raises:
        UsageError: when there is no such miner.
    """
    match name:
        case "none":
            return None
        case "semi-hard":
            return miners.TripletMarginMiner(alpha, "semihard", distance=distances.LpDistance())
        case "hard":
            return miners.TripletMarginMiner(alpha, "hard", distance=distances.LpDistance())
        case "batch-hard":
            return miners.BatchHardMiner(distance=distances.LpDistance())
        case "multi-similarity":
            return miners.MultiSimilarityMiner()
    raise UsageError(f"no miner is called {name!r}; known: {', '.join(MINERS)}")


@torch.no_grad()
def measure_active_share(vectors: Tensor, labels: Tensor, alpha: float) -> float:
    """Return the share of a batch's triplets whose loss at alpha is not zero; NaN without any.

    Of a large batch the first 128 vectors are looked at, which have a million triplets.

    >>> vectors = torch.tensor([[0.0], [0.1], [0.25], [9.0]])
    >>> measure_active_share(vectors, torch.tensor([0, 0, 1, 1]), 0.2)
    0.625
    """
    vectors, labels = vectors[:_MAX_ACTIVE], labels[:_MAX_ACTIVE]
    apart, same = euclidean(vectors, vectors), labels[:, None] == labels[None]
    terms = apart[:, :, None] - apart[:, None] + alpha
    positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    triplets = positive[:, :, None] & ~same[:, None]
    return float((terms[triplets] > 0).double().mean())
