"""Train the owner head: a small correction of the base head from one owner's triplets.

It scales each axis of head space, y = unit(scale · h): one number for each axis, pulled
strongly towards 1. Heads with more freedom lose accuracy with five photos
(docs/explanation/head.md), so this one is kept only where it helps on photos of the
owner that it was not trained on.

Adam is written out here because importing scipy.optimize takes longer (0.4 s) than
learning may take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.siamese.distance import measure_distances, normalize
from onlyme.siamese.triplets import compute_triplet_loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "MIN_OWNER_HEAD_PHOTOS",
    "PULL",
    "CrossValidationResult",
    "OwnerHead",
    "compute_objective",
    "cross_validate",
    "space_evenly",
    "train_owner_head",
]

MIN_OWNER_HEAD_PHOTOS = 4
"""With fewer ME photos the base head is used."""

PULL = 0.5
"""Weight of the mean square of log(scale) beside the mean triplet loss."""

_STEPS = 25
_LEARNING_RATE = 0.03
_MAX_TURNS = 10
"""At most this many photos are left out in turn, evenly spaced among all."""

_MAX_LOST_TURNS = 4
"""Cross-validation stops when this many photos lost and none gained."""

_DRAWS_PER_HARD_DRAW = 64
"""Of this many synthetic strangers the nearest one counts as hard in cross-validation."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnerHead:
    """A trained owner head.

    Attributes:
        scale: float32[r], positive.
        before: triplet loss of the base head.
        after: triplet loss with the correction.
        collapsed: the loss is alpha: the head does not separate any two faces.
    """

    scale: NDArray[np.float32]
    before: float
    after: float
    collapsed: bool


@dataclass(frozen=True, slots=True)
class CrossValidationResult:
    """What cross-validation measured.

    Attributes:
        helps: whether the correction is worth keeping.
        gain: by how much left-out photos lie farther from the hardest strangers, on average,
            in standard deviations of the strangers.
        error: standard error of that mean.
    """

    helps: bool
    gain: float
    error: float


def compute_objective(
    log_scale: NDArray[np.float64],
    me: NDArray[np.float64],
    not_me: NDArray[np.float64],
    alpha: float,
    pull: float = PULL,
) -> tuple[float, NDArray[np.float64]]:
    """Compute the triplet loss under a scale, plus the pull towards 1, and the gradient.

    Args:
        log_scale: float64[r].
        me: float64[m, r], heads of ME.
        not_me: float64[n, r], heads of NOT_ME.
        alpha: the article's training alpha.
        pull: see `PULL`.

    Returns:
        The value and float64[r], its gradient.
    """
    scale = np.exp(log_scale)
    stacked = np.concatenate([me, not_me]) * scale
    lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
    heads = stacked / lengths
    loss = compute_triplet_loss(heads[: len(me)], heads[len(me) :], alpha)
    upstream = np.concatenate([loss.me, loss.not_me])
    upstream = (upstream - heads * (upstream * heads).sum(axis=1, keepdims=True)) / lengths
    gradient = (upstream * stacked).sum(axis=0)  # d(scale · h)/d(log scale) = scale · h
    value = loss.value + pull * float(np.mean(log_scale**2))
    return value, gradient + 2.0 * pull * log_scale / len(log_scale)


def train_owner_head(
    me: NDArray[np.floating[Any]],
    not_me: NDArray[np.floating[Any]],
    alpha: float,
    pull: float = PULL,
) -> OwnerHead:
    """Train a correction on all m·(m − 1)·n triplets.

    Args:
        me: float[m, r], heads of the owner's photos, m ≥ 2.
        not_me: float[n, r], heads of others, n ≥ 1.
        alpha: the article's training alpha, −1 to 1.
        pull: see `PULL`.
    """
    mine, others = np.asarray(me, np.float64), np.asarray(not_me, np.float64)
    log_scale = np.zeros(mine.shape[1])
    before, gradient = compute_objective(log_scale, mine, others, alpha, pull)
    moment, square = np.zeros_like(log_scale), np.zeros_like(log_scale)
    for step in range(1, _STEPS + 1):
        moment = 0.9 * moment + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        pace = _LEARNING_RATE * (1.0 - (step - 1) / _STEPS)
        root = np.sqrt(square / (1.0 - 0.99**step)) + 1e-9
        log_scale = log_scale - pace * (moment / (1.0 - 0.9**step)) / root
        _, gradient = compute_objective(log_scale, mine, others, alpha, pull)
    scale = np.exp(log_scale)
    heads = normalize(np.concatenate([mine, others]) * scale)
    loss = compute_triplet_loss(heads[: len(mine)], heads[len(mine) :], alpha)
    collapsed = alpha > 0 and abs(loss.value - alpha) < 0.05 * alpha and loss.active > 0.99
    return OwnerHead(scale.astype(np.float32), before, loss.value, collapsed)


def cross_validate(
    me: NDArray[np.float32],
    not_me: NDArray[np.float32],
    draws: NDArray[np.float32],
    alpha: float,
) -> CrossValidationResult:
    """Leave out photos in turn, train on the others, and measure where the left-out photo lies.

    It is measured against draws that training did not use, since an optimised head looks
    better on the strangers that it was trained on.

    Args:
        me: float32[m, r], m ≥ 3.
        not_me: float32[n, r], n ≥ 1, what to train against.
        draws: float32[s, r], what to measure against.
        alpha: the training alpha.
    """
    gains: list[float] = []
    for left in space_evenly(len(me), _MAX_TURNS):
        rest = np.delete(me, left, axis=0)
        scale = train_owner_head(rest, not_me, alpha).scale
        with_head = _measure_separation(me[left] * scale, rest * scale, draws * scale)
        gains.append(with_head - _measure_separation(me[left], rest, draws))
        if len(gains) >= _MAX_LOST_TURNS and max(gains) < 0.0:
            break  # not one photo gained
    gain, error = float(np.mean(gains)), float(np.std(gains, ddof=1) / np.sqrt(len(gains)))
    return CrossValidationResult(gain > 2.0 * error and gain > 0.0, gain, error)


def space_evenly(count: int, most: int) -> NDArray[np.intp]:
    """Return at most `most` of `count` places, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


def _measure_separation(
    photo: NDArray[np.float32], rest: NDArray[np.float32], draws: NDArray[np.float32]
) -> float:
    """How far a photo lies from the hardest draws, in their standard deviations."""
    template = normalize(normalize(rest).mean(axis=0))[None]
    strangers = measure_distances(normalize(draws), template)[:, 0]
    hard = max(len(strangers) // _DRAWS_PER_HARD_DRAW, 1)
    hardest = float(np.partition(strangers, hard - 1)[:hard].mean())
    own = float(measure_distances(normalize(photo[None]), template)[0, 0])
    return (hardest - own) / float(strangers.std())
