"""Turn counted scores of real people into the curves of a base.

Used by `tools/train_head.py` and benchmarks/heads.py; verifying never imports it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.charts.rates import upper_bound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.siamese.training.crossfit import CrossFit, CrossFitTrial

__all__ = [
    "LOG_FAR",
    "MISS_Z",
    "TrialScores",
    "count_accepts",
    "make_far_curve",
    "measure_miss_rates",
    "measure_trials",
]

LOG_FAR = -np.arange(101) / 10.0
"""The false accept rates of a curve, as log10: 1 to 1e-10."""

MISS_Z = np.arange(-100, 201) / 200.0
"""The z at which miss rates are tabled."""


@dataclass(frozen=True, slots=True, eq=False)
class TrialScores:
    """Scores of owners who enrolled with the same number of photos.

    Attributes:
        photos: enrolment photos.
        owner: int[t], whose trial it was.
        genuine: for each trial float64[g], z of the owner's other photos.
        impostor: for each trial float32[i], z of all other people's photos.
        stranger: for each trial int[i], the person of each of those photos.
    """

    photos: int
    owner: NDArray[np.intp]
    genuine: list[NDArray[np.float64]]
    impostor: list[NDArray[np.float32]]
    stranger: list[NDArray[np.intp]]


def measure_trials(
    cross: CrossFit, trials: list[CrossFitTrial], photos: int, collection: int = 0
) -> TrialScores:
    """Score every trial against the strangers of one collection."""
    genuine, impostor, stranger = [], [], []
    among = cross.collection == collection
    for trial, z in zip(trials, cross.score_trials(trials), strict=True):
        others = (cross.labels != trial.owner) & among
        genuine.append(z[trial.genuine])
        impostor.append(z[others].astype(np.float32))
        stranger.append(cross.labels[others])
    return TrialScores(photos, np.array([t.owner for t in trials]), genuine, impostor, stranger)


def _weigh_impostors(trial_scores: TrialScores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every impostor z, falling, and its weight: owners weigh alike, and so do photos of one."""
    _, owner, count = np.unique(trial_scores.owner, return_inverse=True, return_counts=True)
    weights = [
        np.full(len(scores), 1.0 / (len(scores) * count[owner[trial]] * len(count)))
        for trial, scores in enumerate(trial_scores.impostor)
    ]
    z, weight = np.concatenate(trial_scores.impostor).astype(np.float64), np.concatenate(weights)
    order = np.argsort(-z, kind="stable")
    return z[order], weight[order]


def make_far_curve(trial_scores: TrialScores, counted_from: float) -> NDArray[np.float64]:
    """Return z at each rate of `LOG_FAR`: the chance of a random stranger at a random owner.

    Down to `counted_from` the curve is counted; below it the tail is taken as
    exponential (a generalised Pareto tail of shape 0), with the mean excess over
    the threshold that one stranger in a thousand passes.

    Args:
        trial_scores: scores of real people.
        counted_from: the smallest rate to count.

    Returns:
        float64[len(LOG_FAR)], rising.
    """
    z, weight = _weigh_impostors(trial_scores)
    reached = np.cumsum(weight)
    rates = 10.0**LOG_FAR
    curve = z[np.minimum(np.searchsorted(reached, rates), len(z) - 1)]
    beyond = rates < counted_from * (1 - 1e-9)
    start = curve[~beyond][-1]
    tail = reached <= 1e-3
    excess = float(np.average(z[tail] - z[tail].min(), weights=weight[tail]))
    curve[beyond] = start + excess * np.log(counted_from / rates[beyond])
    return np.maximum.accumulate(curve + 1e-9 * np.arange(len(curve)))


def count_accepts(
    trial_scores: TrialScores, z: float, rounds: int, seed: int
) -> dict[str, float | int]:
    """Count the strangers that a threshold accepts, and bound their rate.

    The bound is one-sided, 95 %: the larger of a bootstrap over owners and
    strangers together (comparisons of one person depend on each other), and the
    Clopper-Pearson bound for accepted pairs of people, taken as independent.

    Returns:
        comparisons, owners, strangers, accepts, accepted_pairs, rate, upper95.
    """
    owners, owner, count = np.unique(trial_scores.owner, return_inverse=True, return_counts=True)
    strangers = np.unique(np.concatenate(trial_scores.stranger))
    table = np.zeros((len(owners), int(strangers.max()) + 1))
    accepts = 0
    for trial, (scores, who) in enumerate(
        zip(trial_scores.impostor, trial_scores.stranger, strict=True)
    ):
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
        "comparisons": sum(len(part) for part in trial_scores.impostor),
        "accepts": accepts,
        "accepted_pairs": len(hits),
        "rate": rate,
        "upper95": max(
            float(np.quantile(again, 0.95)), upper_bound(math.ceil(rate * pairs), pairs)
        ),
    }


def measure_miss_rates(
    trial_scores: TrialScores, rounds: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Measure the false non-match rate at each of `MISS_Z`; owners weigh alike.

    Returns:
        rate, and its 95 % interval by bootstrap over owners: float64[len(MISS_Z)] each.
    """
    people, owner = np.unique(trial_scores.owner, return_inverse=True)
    table = np.zeros((len(people), len(MISS_Z)))
    for row, scores in zip(owner, trial_scores.genuine, strict=True):
        table[row] += np.searchsorted(np.sort(scores), MISS_Z) / len(scores)
    table /= np.bincount(owner)[:, None]
    generator = np.random.default_rng(seed)
    picks = generator.integers(len(people), size=(rounds, len(people)))
    means = np.stack([table[pick].mean(axis=0) for pick in picks])
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    # Where none of n people missed, the rule of three bounds the rate.
    high = np.maximum(high, -np.expm1(np.log(0.05) / len(people)) * (table.mean(axis=0) == 0))
    return table.mean(axis=0), low, high
