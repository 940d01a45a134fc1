"""Counted scores of real people become the curves that a base carries.

Used by `tools/train_head.py` and the benchmark; verifying never imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.siamese.training.crossfit import CrossFit, Trial

__all__ = ["LOG_FAR", "MISS_Z", "Measured", "count_accepts", "far_curve", "measure", "miss_rates"]

LOG_FAR = -np.arange(101) / 10.0
"""The false accept rates of a curve, as log10: 1 to 1e-10."""

MISS_Z = np.arange(-100, 201) / 200.0
"""The z at which miss rates are tabled."""


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


def _weighted(measured: Measured) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every impostor z, falling, and its weight: owners weigh alike, and photos within one."""
    _, owner, count = np.unique(measured.owner, return_inverse=True, return_counts=True)
    weights = [
        np.full(len(scores), 1.0 / (len(scores) * count[owner[trial]] * len(count)))
        for trial, scores in enumerate(measured.impostor)
    ]
    z, weight = np.concatenate(measured.impostor).astype(np.float64), np.concatenate(weights)
    order = np.argsort(-z, kind="stable")
    return z[order], weight[order]


def far_curve(measured: Measured, counted_from: float) -> NDArray[np.float64]:
    """Give z at each rate of `LOG_FAR`: the chance of a random stranger at a random owner.

    Down to `counted_from` the curve is counted; below it the tail is taken as
    exponential (a generalised Pareto tail of shape 0), with the mean excess over
    the threshold that one stranger in a thousand passes.

    Args:
        measured: scores of real people.
        counted_from: the smallest rate to count.

    Returns:
        float64[len(LOG_FAR)], rising.
    """
    z, weight = _weighted(measured)
    reached = np.cumsum(weight)
    rates = 10.0**LOG_FAR
    curve = z[np.minimum(np.searchsorted(reached, rates), len(z) - 1)]
    beyond = rates < counted_from * (1 - 1e-9)
    start = curve[~beyond][-1]
    tail = reached <= 1e-3
    excess = float(np.average(z[tail] - z[tail].min(), weights=weight[tail]))
    curve[beyond] = start + excess * np.log(counted_from / rates[beyond])
    return np.maximum.accumulate(curve + 1e-9 * np.arange(len(curve)))


def count_accepts(measured: Measured, z: float, rounds: int, seed: int) -> dict[str, float | int]:
    """Count what a threshold lets in, and bound the rate.

    The bound is one-sided, 95 %: the larger of a bootstrap over owners and
    strangers at once (comparisons of one person depend on each other), and of
    the Clopper-Pearson bound for accepted pairs of people, taken as independent.

    Returns:
        comparisons, owners, strangers, accepts, accepted_pairs, rate, upper95.
    """
    owners, owner, count = np.unique(measured.owner, return_inverse=True, return_counts=True)
    strangers = np.unique(np.concatenate(measured.stranger))
    table = np.zeros((len(owners), int(strangers.max()) + 1))
    accepts = 0
    for trial, (scores, who) in enumerate(zip(measured.impostor, measured.stranger, strict=True)):
        hit = scores >= z
        accepts += int(hit.sum())
        share = np.bincount(who[hit], minlength=table.shape[1])
        table[owner[trial]] += share / (len(who) * count[owner[trial]])
    rows, columns = np.nonzero(table)
    hits, places = table[rows, columns], np.searchsorted(strangers, columns)
    rate, pairs = float(hits.sum() / len(owners)), len(owners) * (len(strangers) - 1)
    generator = np.random.default_rng(seed)
    again = np.empty(rounds)
    for turn in range(rounds):
        host = np.bincount(generator.integers(len(owners), size=len(owners)), minlength=len(owners))
        guest = generator.integers(len(strangers), size=len(strangers))
        guests = np.bincount(guest, minlength=len(strangers))
        again[turn] = (hits * host[rows] * guests[places]).sum() / len(owners)
    return {
        "owners": len(owners),
        "strangers": len(strangers),
        "comparisons": sum(len(part) for part in measured.impostor),
        "accepts": accepts,
        "accepted_pairs": len(hits),
        "rate": rate,
        "upper95": max(float(np.quantile(again, 0.95)), _at_most(rate * pairs, pairs)),
    }


def _at_most(hits: float, tries: int) -> float:
    """Clopper-Pearson: the rate that shows so few hits with probability 5 %."""
    from scipy.stats import beta

    return float(beta.ppf(0.95, np.ceil(hits) + 1, tries - np.ceil(hits)))


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
