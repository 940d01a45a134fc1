"""Score people with heads that were trained without them.

The people are dealt into folds. Owners of one fold against strangers of another are
scored by a head, a cohort and draws that were made without either fold. So every owner
is compared with every stranger, and no head scores people that it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from onlyme.siamese.calibrate import CameraEffects
from onlyme.siamese.distance import measure_distances, normalize
from onlyme.siamese.head import MAX_NEAREST_STRANGERS, Base
from onlyme.siamese.margin import NotMe
from onlyme.siamese.training.whitening import LinearHead, draw_strangers_evenly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Fit = Callable[[NDArray[np.float32], NDArray[np.intp]], LinearHead]

__all__ = [
    "COHORT_SIZE",
    "DRAWS_SIZE",
    "CrossFit",
    "CrossFitTrial",
    "DegradedPhotos",
    "FoldModel",
    "deal",
    "make_trials",
    "measure_effects",
]

COHORT_SIZE = 4096
"""Synthetic strangers in the rule."""

DRAWS_SIZE = 2048
"""Synthetic strangers in calibration."""

ORDINARY_SHARE = 0.9
"""Share of owners with ordinary photos whom the effects of cameras leave alone."""


@dataclass(frozen=True, slots=True, eq=False)
class DegradedPhotos:
    """Photos of some of the people, all changed in one way.

    Attributes:
        name: of the way.
        embeddings: float32[n, d].
        labels: int[n], the person of each row, numbered as the other photos.
        rows: int[n], the row of the same photo as it was; None where that is not asked for.
        taken: bool[n], whether enrolment takes each photo; None where that is not asked for.
    """

    name: str
    embeddings: NDArray[np.float32]
    labels: NDArray[np.intp]
    rows: NDArray[np.intp] | None = None
    taken: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CrossFitTrial:
    """One owner, enrolled once.

    Attributes:
        owner: label of the person.
        me: rows of the enrolment photos.
        genuine: rows of the owner's other photos.
    """

    owner: int
    me: NDArray[np.intp]
    genuine: NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class FoldModel:
    """One head, trained without two folds, and what it says of their people.

    Attributes:
        base: head, cohort and draws, made without the people of two folds; no curves.
        heads: float32[n, r], all rows in its head space.
        not_me: float64[n], d(x, NOT_ME) of the rows of those folds; NaN elsewhere.
    """

    base: Base
    heads: NDArray[np.float32]
    not_me: NDArray[np.float64]


def deal(labels: NDArray[np.intp], folds: int, seed: int) -> NDArray[np.intp]:
    """Deal people into folds: int[n], the fold of each row."""
    people, person = np.unique(labels, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(people))
    return (order % folds)[person]


def make_trials(
    labels: NDArray[np.intp], photos: int, repeats: int, seed: int
) -> list[CrossFitTrial]:
    """Enrol each person who has more than `photos` photos, `repeats` times."""
    generator = np.random.default_rng(seed)
    people, counts = np.unique(labels, return_counts=True)
    trials = []
    for owner in people[counts > photos]:
        rows = np.flatnonzero(labels == owner)
        for _ in range(repeats):
            shuffled = generator.permutation(rows)
            trials.append(CrossFitTrial(int(owner), shuffled[:photos], shuffled[photos:]))
    return trials


class CrossFit:
    """Score owners against strangers by heads that were trained on neither.

    Args:
        embeddings: float32[n, d].
        labels: int[n].
        fit: trains a head on the people it is given.
        folds: number of folds.
        seed: of the deal and of the synthetic strangers.
        collection: int[n], the collection of each row; by default all rows are of one. Heads
            are trained on collection 0; strangers are drawn from all, as many from each.
        degraded: photos that show what cameras do to faces.
    """

    def __init__(
        self,
        embeddings: NDArray[np.float32],
        labels: NDArray[np.intp],
        fit: Fit,
        *,
        folds: int = 5,
        seed: int = 0,
        collection: NDArray[np.intp] | None = None,
        degraded: Sequence[DegradedPhotos] = (),
    ) -> None:
        self.embeddings = embeddings
        self.labels = labels
        self.collection = np.zeros_like(labels) if collection is None else collection
        self.degraded = degraded
        self.folds = folds
        self.fold = deal(labels, folds, seed)
        self._models = {
            pair: self._fit_model(pair, fit, seed)
            for pair in combinations_with_replacement(range(folds), 2)
        }

    def score_trials(self, trials: list[CrossFitTrial]) -> Iterator[NDArray[np.float64]]:
        """Yield for each trial float64[n]: z of every row, by the head for both folds."""
        for trial in trials:
            home = int(self.fold[trial.me[0]])
            z = np.empty(len(self.labels))
            for other in range(self.folds):
                model = self.find_model(home, other)
                template = normalize(model.heads[trial.me].mean(axis=0))[None]
                rows = np.flatnonzero(self.fold == other)
                margins = model.not_me[rows] - measure_distances(model.heads[rows], template)[:, 0]
                z[rows] = margins - model.base.measure_centres(template)
            yield z

    def find_model(self, home: int, other: int) -> FoldModel:
        """Return the head that was trained without both folds."""
        return self._models[(min(home, other), max(home, other))]

    def _fit_model(self, pair: tuple[int, int], fit: Fit, seed: int) -> FoldModel:
        out = np.isin(self.fold, pair)
        learn = ~out & (self.collection == 0)
        head = fit(self.embeddings[learn], self.labels[learn])
        heads, labels, kind = (
            head.project(self.embeddings[~out]),
            self.labels[~out],
            self.collection[~out],
        )
        cohort, draws = (
            normalize(draw_strangers_evenly(heads, labels, kind, size, at).astype(np.float32))
            for size, at in ((COHORT_SIZE, seed), (DRAWS_SIZE, seed + 1))
        )
        rule = NotMe.from_cohort(cohort, MAX_NEAREST_STRANGERS)
        base = Base(
            model="",
            dimension=self.embeddings.shape[1],
            projection=head.projection.astype(np.float32),
            mean=head.mean.astype(np.float32),
            cohort=cohort,
            draws=draws,
            draws_not_me=rule.measure_distance(draws),
            effects=measure_effects(
                head, rule, self.degraded, self.embeddings[learn], self.labels[learn]
            ),
            curve=None,
            earlier={},
            misses=None,
            card={},
            made=f"folds {pair}",
        )
        projected = base.project(self.embeddings)
        not_me = np.full(len(projected), np.nan)
        not_me[out] = rule.measure_distance(projected[out])
        return FoldModel(base, projected, not_me)


def measure_effects(
    head: LinearHead,
    rule: NotMe,
    degraded: Sequence[DegradedPhotos],
    embeddings: NDArray[np.float32],
    labels: NDArray[np.intp],
) -> CameraEffects:
    """Measure what each way of degrading photos does to all faces alike.

    Args:
        head: of the base.
        rule: the rule with the cohort alone.
        degraded: the ways; only photos of the people in `labels` are used.
        embeddings: float32[n, d], ordinary photos.
        labels: int[n], their people.
    """
    directions, distances = [], []
    for way in degraded:
        known = np.isin(way.labels, labels)
        heads = head.project(way.embeddings[known]).astype(np.float32)
        directions.append(heads.mean(axis=0))
        distances.append(float(rule.measure_distance(heads).mean()))
    width = len(head.projection)
    effects = CameraEffects(
        np.array(directions, np.float32).reshape(len(directions), width),
        np.array(distances),
        0.0,
    )
    if not directions:
        return effects
    ordinary = effects.measure_excess(head.project(embeddings).astype(np.float32))
    return replace(effects, limit=float(np.quantile(ordinary, ORDINARY_SHARE)))
