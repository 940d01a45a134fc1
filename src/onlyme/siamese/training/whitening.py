"""Fit a linear head to people, and draw synthetic strangers from a fit.

Used by `tools/train_head.py` and benchmarks/heads.py; verifying never imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.siamese.distance import normalize

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "RIDGE",
    "LinearHead",
    "compute_class_means",
    "compute_within_scatter",
    "draw_strangers",
    "draw_strangers_evenly",
    "fit_whitening",
]

RIDGE = 1.0
"""Share of the mean within-person variance that is added to every direction."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """y = unit(projection · (x − mean)).

    Attributes:
        projection: float64[r, d].
        mean: float64[d].
    """

    projection: NDArray[np.float64]
    mean: NDArray[np.float64]

    def project(self, embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Project float[n, d] to head space: float64[n, r] of unit length."""
        return normalize((embeddings - self.mean) @ self.projection.T)


def compute_class_means(
    vectors: NDArray[np.float64], labels: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """Return the mean vector of each person, the person of each row, and photos per person."""
    people, person, photos = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(people), vectors.shape[1]))
    np.add.at(means, person, vectors)
    return means / photos[:, None], person, photos


def compute_within_scatter(
    vectors: NDArray[np.float64], labels: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the covariance of photos about their person's mean: float64[d, d]."""
    means, person, photos = compute_class_means(vectors, labels)
    deviations = (vectors - means[person])[photos[person] > 1]
    freedom = int((photos[photos > 1] - 1).sum())
    return deviations.T @ deviations / max(freedom, 1)


def fit_whitening(
    embeddings: NDArray[np.floating[Any]], labels: NDArray[np.intp], ridge: float = RIDGE
) -> LinearHead:
    """Fit the head that weakens the directions in which photos of one person differ.

    Args:
        embeddings: float[n, d] of unit length; some people need two photos or more.
        labels: int[n], the person of each row.
        ridge: see `RIDGE`; with large values the head changes little.

    Source:
        Within-class covariance normalisation: Hatch, Kajarekar, Stolcke, 2006.
    """
    vectors = np.asarray(embeddings, np.float64)
    scatter = compute_within_scatter(vectors, labels)
    values, axes = np.linalg.eigh(scatter)
    values = values + ridge * values.mean()
    # Rows are the axes along which one person varies, so that an owner head can scale each.
    projection = (axes / np.sqrt(values / values.mean())).T
    return LinearHead(projection, vectors.mean(axis=0))


def draw_strangers(
    heads: NDArray[np.float64], labels: NDArray[np.intp], count: int, seed: int
) -> NDArray[np.int8]:
    """Draw people who do not exist.

    A normal distribution is fitted to the photos, one vote for each person, and
    sampled. A draw is a direction, so eight bits for each number suffice. No draw is the
    vector of a real person.

    Args:
        heads: float64[n, r], real people in head space.
        labels: int[n].
        count: how many to draw.
        seed: of the draw.

    Returns:
        int8[count, r], to be scaled to unit length.
    """
    _, person, photos = compute_class_means(heads, labels)
    weights = 1.0 / photos[person]
    weights /= weights.sum()
    mean = weights @ heads
    deviations = heads - mean
    values, axes = np.linalg.eigh((deviations * weights[:, None]).T @ deviations)
    normal = np.random.default_rng(seed).standard_normal((count, heads.shape[1]))
    drawn = mean + (normal * np.sqrt(np.maximum(values, 0.0))) @ axes.T
    drawn *= 127.0 / np.abs(drawn).max(axis=1, keepdims=True)
    return np.asarray(np.rint(drawn), np.int8)


def draw_strangers_evenly(
    heads: NDArray[np.float64],
    labels: NDArray[np.intp],
    collection: NDArray[np.intp],
    count: int,
    seed: int,
) -> NDArray[np.int8]:
    """Draw people who do not exist, as many like each collection of photos.

    A collection is one kind of photos: from the press, or small crops from the web. Each has
    its own normal distribution, and the same number of draws however many photos it has.

    Args:
        heads: float64[n, r], real people in head space.
        labels: int[n].
        collection: int[n], the collection of each row.
        count: how many to draw in total.
        seed: of the draw.

    Returns:
        int8[count, r], to be scaled to unit length.
    """
    kinds = np.unique(collection)
    shares = np.diff(np.linspace(0, count, len(kinds) + 1).astype(int))
    return np.concatenate(
        [
            draw_strangers(heads[collection == kind], labels[collection == kind], share, seed)
            for kind, share in zip(kinds, shares.tolist(), strict=True)
        ]
    )
