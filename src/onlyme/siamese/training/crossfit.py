"""Judge a way of making heads by people whom it did not see.

The people are dealt into folds. Owners of one fold against strangers of another
are judged by a head, a cohort and draws made without either fold, so every
owner meets every stranger and nobody is judged by what was learned from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from onlyme.siamese.calibrate import compute_centre
from onlyme.siamese.distance import measure_distances, normalize
from onlyme.siamese.head import MAX_NEAREST_STRANGERS, Base
from onlyme.siamese.margin import NotMe
from onlyme.siamese.training.whitening import LinearHead, draw_strangers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Fit = Callable[[NDArray[np.float32], NDArray[np.intp]], LinearHead]

__all__ = [
    "COHORT_SIZE",
    "DRAWS_SIZE",
    "CrossFit",
    "CrossFitTrial",
    "FoldModel",
    "deal",
    "make_trials",
]

COHORT_SIZE = 4096
"""Synthetic strangers in the rule."""

DRAWS_SIZE = 2048
"""Synthetic strangers in calibration."""


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
    """One head and whom it may judge.

    Attributes:
        base: head, cohort and draws, made without the people of two folds; no curves.
        heads: float32[n, r], everybody through that head.
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
    """Enrol everybody who has more than `photos` photos, `repeats` times each."""
    generator = np.random.default_rng(seed)
    people, counts = np.unique(labels, return_counts=True)
    made = []
    for owner in people[counts > photos]:
        rows = np.flatnonzero(labels == owner)
        for _ in range(repeats):
            mixed = generator.permutation(rows)
            made.append(CrossFitTrial(int(owner), mixed[:photos], mixed[photos:]))
    return made


class CrossFit:
    """Scores of owners against strangers, none of them seen by the head that judges.

    Args:
        embeddings: float32[n, d].
        labels: int[n].
        fit: makes a head from the people it is given.
        folds: number of folds.
        seed: of the deal and of the synthetic strangers.
    """

    def __init__(
        self,
        embeddings: NDArray[np.float32],
        labels: NDArray[np.intp],
        fit: Fit,
        *,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        self.embeddings = embeddings
        self.labels = labels
        self.folds = folds
        self.fold = deal(labels, folds, seed)
        self._rooms = {
            pair: self._fit_model(pair, fit, seed)
            for pair in combinations_with_replacement(range(folds), 2)
        }

    def score_trials(self, made: list[CrossFitTrial]) -> Iterator[NDArray[np.float64]]:
        """For each trial float64[n]: z of every row, with the owner's head per fold."""
        for trial in made:
            home = int(self.fold[trial.me[0]])
            z = np.empty(len(self.labels))
            for other in range(self.folds):
                model = self.find_model(home, other)
                template = normalize(model.heads[trial.me].mean(axis=0))[None]
                drawn = (
                    model.base.draws_not_me - measure_distances(model.base.draws, template)[:, 0]
                )
                rows = np.flatnonzero(self.fold == other)
                margins = model.not_me[rows] - measure_distances(model.heads[rows], template)[:, 0]
                z[rows] = margins - compute_centre(drawn, model.heads[trial.me])
            yield z

    def find_model(self, home: int, other: int) -> FoldModel:
        """The head that saw neither fold."""
        return self._rooms[(min(home, other), max(home, other))]

    def _fit_model(self, pair: tuple[int, int], fit: Fit, seed: int) -> FoldModel:
        out = np.isin(self.fold, pair)
        seen, names = self.embeddings[~out], self.labels[~out]
        head = fit(seen, names)
        learned = head.project(seen)
        cohort = normalize(draw_strangers(learned, names, COHORT_SIZE, seed).astype(np.float32))
        draws = normalize(draw_strangers(learned, names, DRAWS_SIZE, seed + 1).astype(np.float32))
        rule = NotMe(cohort, cohort[:0], np.empty(0, np.float32), MAX_NEAREST_STRANGERS)
        base = Base(
            model="",
            dimension=self.embeddings.shape[1],
            projection=head.projection.astype(np.float32),
            mean=head.mean.astype(np.float32),
            cohort=cohort,
            draws=draws,
            draws_not_me=rule.measure_distance(draws),
            curve=None,
            misses=None,
            card={},
            made=f"folds {pair}",
        )
        heads = base.project(self.embeddings)
        not_me = np.full(len(heads), np.nan)
        not_me[out] = rule.measure_distance(heads[out])
        return FoldModel(base, heads, not_me)
