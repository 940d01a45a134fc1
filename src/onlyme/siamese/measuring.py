"""Counted scores of real people become the curves that a base carries.

Used by `tools/train_head.py` and the benchmark; verifying never imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.siamese.crossfit import CrossFit, Trial

__all__ = ["LOG_FAR", "MISS_Z", "Measured", "far_curve", "measure", "miss_rates"]

LOG_FAR = -np.arange(101) / 10.0
"""The false accept rates of a curve, as log10: 1 to 1e-10."""

MISS_Z = np.arange(-40, 161) / 10.0
"""The z at which miss rates are tabled."""

_HALF = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Scores of owners who enrolled with the same number of photos.

    Attributes:
        photos: enrolment photos.
        owner: int[t], whose trial it was.
        genuine: for each trial float64[...], z of the owner's other photos.
        impostor: for each trial float64[...], z of everybody else's photos.
        stranger: for each trial int[...], who was tried.
    """

    photos: int
    owner: NDArray[np.intp]
    genuine: list[NDArray[np.float64]]
    impostor: list[NDArray[np.float32]]
    stranger: list[NDArray[np.intp]]


def measure(cross: CrossFit, made: list[Trial], photos: int) -> Measured:
    """Score every trial."""
    genuine, impostor, stranger = [], [], []
    for trial, z in zip(made, cross.scores(made), strict=True):
        others = cross.labels != trial.owner
        genuine.append(z[trial.genuine])
        impostor.append(z[others].astype(np.float32))
        stranger.append(cross.labels[others])
    return Measured(photos, np.array([t.owner for t in made]), genuine, impostor, stranger)


def far_curve(measured: Measured, counted_from: float) -> NDArray[np.float64]:
    """Give z at each rate of `LOG_FAR`, owners weighing alike.

    Down to `counted_from` the curve is counted; below it the tail is taken as
    exponential (a generalised Pareto tail of shape 0), with the mean excess over
    the threshold that one stranger in a thousand passes.

    Args:
        measured: scores of real people.
        counted_from: the smallest rate to count.

    Returns:
        float64[len(LOG_FAR)], rising.
    """
    z = np.concatenate(measured.impostor).astype(np.float64)
    _, owner, count = np.unique(measured.owner, return_inverse=True, return_counts=True)
    weight = np.repeat(
        1.0 / count[owner] / [len(part) for part in measured.impostor],
        [len(part) for part in measured.impostor],
    )
    order = np.argsort(-z)
    z, reached = z[order], np.cumsum(weight[order]) / len(count)
    rates = 10.0**LOG_FAR
    curve = z[np.minimum(np.searchsorted(reached, rates), len(z) - 1)]
    beyond = rates < counted_from * (1 - 1e-9)
    start = curve[~beyond][-1]
    far_out = z > curve[np.argmin(np.abs(LOG_FAR + 3.0))]
    excess = z[far_out] - z[far_out].min()
    mean_excess = float(np.average(excess, weights=weight[order][far_out]))
    curve[beyond] = start + mean_excess * np.log(counted_from / rates[beyond])
    return np.maximum.accumulate(curve + 1e-9 * np.arange(len(curve)))


def miss_rates(
    measured: Measured, rounds: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """False non-match rate at each of `MISS_Z`, owners weighing alike.

    Returns:
        rate, and its 95 % interval by bootstrap over owners: float64[len(MISS_Z)] each.
    """
    people, owner = np.unique(measured.owner, return_inverse=True)
    table = np.zeros((len(people), len(MISS_Z)))
    for row, scores in zip(owner, measured.genuine, strict=True):
        table[row] += np.searchsorted(np.sort(scores), MISS_Z) / len(scores)
    table /= np.bincount(owner)[:, None]
    generator = np.random.default_rng(seed)
    picks = generator.integers(len(people), size=(rounds, len(people)))
    means = np.stack([table[pick].mean(axis=0) for pick in picks])
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    # Nobody of n people missed: the rule of three bounds what more people would show.
    high = np.maximum(high, -np.expm1(np.log(0.05) / len(people)) * (table.mean(axis=0) == 0))
    return table.mean(axis=0), low, high
