"""Compute the article's loss over every triplet at once, with its gradient.

A triplet is two different ME photos, anchor A and positive P, and one NOT_ME
photo N. Its loss is max(‖f(A) − f(P)‖ − ‖f(A) − f(N)‖ + alpha, 0), with plain,
not squared, Euclidean norms. All m·(m − 1)·n ordered triplets count alike.

Source: "Implementing FaceID Technology with a Siamese Neural Network", Towards
AI, 2020; the loss is that of Schroff et al., FaceNet, 2015, without the squares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError
from onlyme.siamese.distance import measure_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TripletLossResult", "compute_triplet_loss"]

_MIN_DISTANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class TripletLossResult:
    """The loss and its gradient.

    Attributes:
        value: mean over all triplets, ≥ 0.
        active: share of triplets whose loss is above 0.
        me: float64[m, r], gradient with respect to the ME vectors.
        not_me: float64[n, r], gradient with respect to the NOT_ME vectors.
    """

    value: float
    active: float
    me: NDArray[np.float64]
    not_me: NDArray[np.float64]


def compute_triplet_loss(
    me: NDArray[np.float64], not_me: NDArray[np.float64], alpha: float
) -> TripletLossResult:
    """Evaluate the article's loss over the full triplet set.

    Args:
        me: float64[m, r], m ≥ 2, unit length.
        not_me: float64[n, r], n ≥ 1, unit length.
        alpha: how much nearer P must be than N, −1 to 1.

    Returns:
        The mean loss and its gradient. Where two vectors coincide, or a triplet
        lies exactly at the hinge, the gradient is a subgradient: 0 there.

    Raises:
        UsageError: there are too few vectors for a triplet.

    Example:
        >>> me, not_me = np.array([[1.0, 0], [0.8, 0.6]]), np.array([[-1.0, 0]])
        >>> found = compute_triplet_loss(me, not_me, alpha=1.5)
        >>> round(found.value, 3), found.active
        (0.184, 1.0)
    """
    m, n = len(me), len(not_me)
    if m < 2 or n < 1:
        raise UsageError("a triplet needs two photos of ME and one of NOT_ME")
    near, far = measure_distances(me, me), measure_distances(me, not_me)
    hinge = near[:, :, None] - far[:, None, :] + alpha  # [anchor, positive, negative]
    hinge[np.arange(m), np.arange(m)] = 0.0  # a photo is not its own positive
    np.maximum(hinge, 0.0, out=hinge)
    count = m * (m - 1) * n
    hot = hinge > 0
    # How much each distance counts: it raises the loss for A–P and lowers it for A–N.
    near_weight = hot.sum(axis=2) / (np.maximum(near, _MIN_DISTANCE) * count)
    near_weight[near < _MIN_DISTANCE] = 0.0
    far_weight = hot.sum(axis=1) / (np.maximum(far, _MIN_DISTANCE) * count)
    far_weight[far < _MIN_DISTANCE] = 0.0
    both = near_weight + near_weight.T
    me_gradient = both.sum(axis=1)[:, None] * me - both @ me
    me_gradient -= far_weight.sum(axis=1)[:, None] * me - far_weight @ not_me
    not_me_gradient = -(far_weight.sum(axis=0)[:, None] * not_me - far_weight.T @ me)
    return TripletLossResult(
        float(hinge.sum() / count), float(hot.sum() / count), me_gradient, not_me_gradient
    )
