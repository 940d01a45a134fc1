"""Train the base head on people with the article's triplet loss, from the whitening start.

Used by `tools/train_head.py` and benchmarks/heads.py; verifying never imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from onlyme.siamese.distance import measure_distances
from onlyme.siamese.training.whitening import RIDGE, LinearHead, fit_whitening

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Progress = Callable[[int, float], None]

__all__ = ["Recipe", "measure_pair_miss", "train_base_head"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        mining: `hard`: for each anchor the farthest positive and the nearest
            negative of the batch; `semi`: the nearest negative that lies farther
            than the positive.
        alpha: the article's alpha; None for the soft margin log(1 + e^(p − n)/t) · t.
        temperature: t of the soft margin.
        ridge: of the whitening that it starts from; see `whitening.RIDGE`.
        rank: rows of the projection; None for as many as the embedding has.
        pull: weight of the squared distance to the start, relative to its size.
        rate: learning rate of Adam.
        steps: at most this many.
        people: people with several photos in a batch.
        singles: further photos in a batch, mostly negatives.
        patience: checks without gain until training stops.
        seed: of the batches and of the people held out.
    """

    mining: Literal["hard", "semi"] = "hard"
    alpha: float | None = 0.5
    temperature: float = 0.1
    ridge: float = RIDGE
    rank: int | None = None
    pull: float = 1.0
    rate: float = 2e-3
    steps: int = 300
    people: int = 96
    singles: int = 512
    patience: int = 5
    seed: int = 0


def train_base_head(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.intp],
    recipe: Recipe,
    progress: Progress | None = None,
) -> LinearHead:
    """Train a head; stop when the people held out gain no more.

    A tenth of the people is held out. Their miss rate decides which step is returned; it
    may be the start.

    Args:
        embeddings: float32[n, d] of unit length.
        labels: int[n].
        recipe: see `Recipe`.
        progress: called at each check with the step and the miss rate of the people held out.
    """
    generator = np.random.default_rng(recipe.seed)
    people = np.unique(labels)
    held_out = np.isin(labels, generator.permutation(people)[: len(people) // 10])
    start = _fit_start(embeddings[~held_out], labels[~held_out], recipe)
    vectors = np.asarray(embeddings[~held_out], np.float64) - start.mean
    batches = _BatchSampler(labels[~held_out], recipe, generator)
    weights = start.projection.copy()
    moment, square = np.zeros_like(weights), np.zeros_like(weights)
    best, best_miss, waited = (
        start,
        measure_pair_miss(start, embeddings[held_out], labels[held_out]),
        0,
    )
    for step in range(1, recipe.steps + 1):
        rows, who = batches.draw()
        gradient = _compute_gradient(weights, vectors[rows], who, recipe)
        gradient += recipe.pull * (weights - start.projection) / np.sum(start.projection**2)
        moment = 0.9 * moment + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        scale = np.sqrt(square / (1 - 0.99**step)) + 1e-8
        weights = weights - recipe.rate * (moment / (1 - 0.9**step)) / scale
        if step % 20:
            continue
        head = LinearHead(weights, start.mean)
        miss = measure_pair_miss(head, embeddings[held_out], labels[held_out])
        if progress is not None:
            progress(step, miss)
        if miss < best_miss:
            best, best_miss, waited = head, miss, 0
        else:
            waited += 1
            if waited >= recipe.patience:
                break
    return best


def measure_pair_miss(
    head: LinearHead, embeddings: NDArray[np.float32], labels: NDArray[np.intp]
) -> float:
    """Measure the false non-match rate of pairs, mean over false match rates 1e-2 to 1e-4."""
    heads = head.project(embeddings)
    table = measure_distances(heads, heads)
    upper = np.triu(np.ones(table.shape, bool), 1)
    alike = labels[:, None] == labels[None]
    genuine, impostor = table[upper & alike], np.sort(table[upper & ~alike])
    if not (len(genuine) and len(impostor)):
        return 0.0  # nothing can be shown to be better than the start
    rates = np.logspace(-4, -2, 9)
    limits = impostor[(rates * len(impostor)).astype(int)]
    return float((genuine[:, None] >= limits).mean())


def _fit_start(
    embeddings: NDArray[np.float32], labels: NDArray[np.intp], recipe: Recipe
) -> LinearHead:
    head = fit_whitening(embeddings, labels, recipe.ridge)
    if recipe.rank is None:
        return head
    raw = (embeddings - head.mean) @ head.projection.T
    _, axes = np.linalg.eigh(np.cov(raw.T))
    return LinearHead(axes[:, -recipe.rank :].T @ head.projection, head.mean)


class _BatchSampler:
    def __init__(
        self, labels: NDArray[np.intp], recipe: Recipe, generator: np.random.Generator
    ) -> None:
        people, counts = np.unique(labels, return_counts=True)
        self._labels = labels
        self._several = [np.flatnonzero(labels == who) for who in people[counts > 1]]
        self._recipe = recipe
        self._generator = generator

    def draw(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the rows of one batch and their labels; two to four photos of each person."""
        picked = self._generator.permutation(len(self._several))[: self._recipe.people]
        rows = [self._generator.permutation(self._several[who])[:4] for who in picked]
        others = self._generator.permutation(len(self._labels))[: self._recipe.singles]
        batch = np.unique(np.concatenate([*rows, others]))
        return batch, self._labels[batch]


def _compute_gradient(
    weights: NDArray[np.float64],
    vectors: NDArray[np.float64],
    who: NDArray[np.intp],
    recipe: Recipe,
) -> NDArray[np.float64]:
    """Compute the gradient of a batch's mean triplet loss with respect to the projection."""
    raw = vectors @ weights.T
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    heads = raw / lengths
    table = measure_distances(heads, heads)
    alike = who[:, None] == who[None]
    positive = alike & ~np.eye(len(who), dtype=bool)
    anchors = np.flatnonzero(positive.any(axis=1))
    farthest = np.where(positive, table, -1.0)[anchors].argmax(axis=1)
    near = table[anchors, farthest]
    allowed = ~alike[anchors]
    if recipe.mining == "semi":
        harder = allowed & (table[anchors] > near[:, None])
        allowed = np.where(harder.any(axis=1, keepdims=True), harder, allowed)
    nearest = np.where(allowed, table[anchors], 9.0).argmin(axis=1)
    far = table[anchors, nearest]
    if recipe.alpha is None:
        slope = 1.0 / (1.0 + np.exp(-(near - far) / recipe.temperature))
    else:
        slope = (near - far + recipe.alpha > 0).astype(np.float64)
    slope /= len(anchors)
    upstream = np.zeros_like(heads)
    for other, distance, sign in ((farthest, near, 1.0), (nearest, far, -1.0)):
        step = heads[anchors] - heads[other]
        step *= (sign * slope / np.maximum(distance, 1e-6))[:, None]
        np.add.at(upstream, anchors, step)
        np.add.at(upstream, other, -step)
    inner = (upstream * heads).sum(axis=1, keepdims=True)
    return ((upstream - heads * inner) / lengths).T @ vectors  # type: ignore[no-any-return]  # NumPy types it as Any
