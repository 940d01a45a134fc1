"""Compute the triplet loss of vectors of ME and NOT_ME.

A triplet is two different photos of the owner, anchor A and positive P, and one photo of a
stranger, N. The article's loss on it is

    max(‖f(A) − f(P)‖ − ‖f(A) − f(N)‖ + alpha, 0)

with plain Euclidean norms. It is zero when the stranger is farther from the anchor than
the owner's other photo by at least alpha. There are m·(m−1)·n triplets, but only m + n
photos: each is embedded once, and all triplets follow from two distance matrices.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import torch
from pytorch_metric_learning import distances, losses, miners, reducers

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["KINDS", "Kind", "TripletCriterion", "compute_terms", "euclidean", "make_triplet_loss"]

Kind = Literal["article", "squared", "cosine", "semi-hard", "batch-hard"]

KINDS: tuple[Kind, ...] = get_args(Kind)

_MIN_DISTANCE = 1e-6
"""The norm has no gradient at distance zero; below this distance it is taken as zero."""


class TripletCriterion(Protocol):
    """A loss on the vectors of ME and NOT_ME."""

    def __call__(self, me: Tensor, not_me: Tensor, *, mined: bool = True) -> Tensor:
        """Return one number ≥ 0.

        Args:
            me: float[m, d].
            not_me: float[n, d].
            mined: False uses all triplets, also with a kind that selects some. The
                selected ones can have zero loss while others are not learned yet, so
                only all triplets show whether training is finished.
        """


def euclidean(a: Tensor, b: Tensor) -> Tensor:
    """Return the distances between the rows of two matrices, differentiable everywhere.

    Each difference is computed directly. The shortcut through scalar products loses half of
    the digits for photos that are close to each other, and those matter most in triplets.

    Args:
        a: float[m, d].
        b: float[n, d].

    Returns:
        float[m, n], at least 0; the gradient is zero where two rows are equal.

    >>> euclidean(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[5.0, 0.0]]
    """
    squares = (a[:, None] - b[None]).square().sum(-1)
    equal = squares <= _MIN_DISTANCE**2  # with <= and not >, a distance that is NaN stays NaN
    return torch.where(equal, 0.0, torch.where(equal, 1.0, squares).sqrt())


def compute_terms(me: Tensor, not_me: Tensor, alpha: float) -> Tensor:
    """Return ‖A − P‖ − ‖A − N‖ + alpha of every triplet; the loss replaces negatives by zero.

    Args:
        me: float[m, d], m ≥ 2.
        not_me: float[n, d], n ≥ 1.
        alpha: distance by which the stranger must be farther, −1 to 1.

    Returns:
        float[m·(m−1)·n], ordered by A, then P, then N.
    """
    m = len(me)
    others = ~torch.eye(m, dtype=torch.bool, device=me.device)
    positive = euclidean(me, me)[others].view(m, m - 1, 1)
    negative = euclidean(me, not_me).view(m, 1, -1)
    return (positive - negative + alpha).flatten()


def make_triplet_loss(kind: Kind = "article", alpha: float = 0.5) -> TripletCriterion:
    """Make a triplet loss.

    Args:
        kind: `article` is the mean over all triplets, with plain norms. `squared` and
            `cosine` change the distance: squared norms, and 1 − cosine. `semi-hard` and
            `batch-hard` select triplets: those whose stranger is farther than P but not by
            alpha, and each anchor's farthest P with its nearest N.
        alpha: the margin, −1 to 1.

    Raises:
        UsageError: when alpha is out of its range, or there is no such kind.

    >>> me, not_me = torch.tensor([[0.0], [1.0]]), torch.tensor([[3.0]])
    >>> [make_triplet_loss(alpha=alpha)(me, not_me).item() for alpha in (0.5, -1)]
    [0.0, 0.0]
    >>> round(make_triplet_loss(alpha=1.0)(me, torch.tensor([[2.0]])).item(), 3)  # of 0 and 1
    0.5
    """
    if not -1 <= alpha <= 1:
        raise UsageError(f"alpha = {alpha:g} is not between -1 and 1")
    if kind == "article":
        return partial(_average_all, alpha)
    if kind not in KINDS:
        raise UsageError(f"no triplet loss is called {kind!r}; known: {', '.join(KINDS)}")
    distance = {
        "squared": distances.LpDistance(normalize_embeddings=False, power=2),
        "cosine": distances.CosineSimilarity(),
    }.get(kind, distances.LpDistance(normalize_embeddings=False))
    miner = {
        "semi-hard": miners.TripletMarginMiner(alpha, "semihard", distance=distance),
        "batch-hard": miners.BatchHardMiner(distance=distance),
    }.get(kind)
    # The library's default reducer averages over the violated triplets only, so that the loss
    # jumps each time that one is learned. The article's loss is the mean over all.
    loss = losses.TripletMarginLoss(alpha, distance=distance, reducer=reducers.MeanReducer())
    return partial(_average_mined, loss, miner)


def _average_all(alpha: float, me: Tensor, not_me: Tensor, *, mined: bool = True) -> Tensor:  # noqa: ARG001 - the article's loss selects no triplets
    return compute_terms(me, not_me, alpha).clamp_min(0).mean()


def _average_mined(
    loss: losses.TripletMarginLoss,
    miner: miners.BaseMiner | None,
    me: Tensor,
    not_me: Tensor,
    *,
    mined: bool = True,
) -> Tensor:
    """Compute a loss of the library on the owner's triplets; strangers are never anchors.

    The strangers are different people, so each gets a different label. Only the owner's label
    occurs more than once, so only the owner's photos have positives.
    """
    vectors = torch.cat([me, not_me])
    labels = torch.arange(1 - len(me), len(not_me) + 1, device=vectors.device).clamp_min(0)
    chosen = miner(vectors, labels) if miner and mined else None
    return loss(vectors, labels, chosen)  # type: ignore[no-any-return]  # the library has no types
