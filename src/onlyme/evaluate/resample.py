"""Resample people to say how sure a miss rate is, or the ratio of two miss rates.

Each draw takes people at random, as owners and as strangers, sets the
threshold on the strangers of the draw and counts the misses of the draw. So
the interval includes the uncertainty of the threshold. Two systems are
compared on the same draws.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError
from onlyme.evaluate.intervals import Interval, bootstrap
from onlyme.evaluate.metrics import threshold_at_fmr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.evaluate.owners import OwnerStudy

__all__ = ["miss_rate", "miss_ratio"]

_TAIL_HEADROOM_FACTOR = 8  # a draw may need this many times the target's share of the tail


def miss_rate(study: OwnerStudy, fmr: float, *, repeats: int = 500, seed: int = 0) -> Interval:
    """Return the FNMR at a target FMR with its 95 % interval over resampled people.

    Args:
        study: of the owner protocol.
        fmr: the target, one threshold for all owners.
        repeats: draws.
        seed: the same seed draws the same people.

    Raises:
        UsageError: when most draws cannot be judged: too few people, or a
            target so high that its comparisons were not stored one by one.
    """
    draw = _StudyResampler(study, fmr)
    return bootstrap(draw.miss_rate, draw.people, repeats=repeats, seed=seed)


def miss_ratio(
    new: OwnerStudy, baseline: OwnerStudy, fmr: float, *, repeats: int = 1000, seed: int = 0
) -> Interval:
    """Return FNMR of the new system / FNMR of the baseline at the same FMR, paired.

    Below 1 the new system rejects fewer owners; this is shown when the
    whole interval lies below 1. Draws on which neither system errs are left out.

    Args:
        new: of the owner protocol.
        baseline: of the same people, photos and seed.
        fmr: the target; each system gets its own threshold.
        repeats: draws.
        seed: the same seed draws the same people.

    Raises:
        UsageError: when the studies are not of the same attempts, or most
            draws have no ratio.
    """
    same = len(new.trials) == len(baseline.trials) and all(
        one.person == other.person
        and one.fold == other.fold
        and np.array_equal(one.probes, other.probes)
        for one, other in zip(new.trials, baseline.trials, strict=False)
    )
    if not same:
        raise UsageError(
            "only studies of the same owners, photos, folds and seed can be compared in pairs"
        )
    first, second = _StudyResampler(new, fmr), _StudyResampler(baseline, fmr)

    def ratio(drawn: NDArray[np.int64]) -> float:
        ours, theirs = first.miss_rate(drawn), second.miss_rate(drawn)
        if theirs > 0:
            return ours / theirs
        return math.inf if ours > 0 else math.nan

    return bootstrap(ratio, first.people, repeats=repeats, seed=seed)


class _StudyResampler:
    """A study in arrays that make a draw of people quick."""

    def __init__(self, study: OwnerStudy, fmr: float) -> None:
        names, self._person, self._photos = np.unique(
            study.labels, return_inverse=True, return_counts=True
        )
        self.people = names.size
        self._fmr = fmr
        self._repeats = study.repeats
        self._fold = np.array([study.fold_of[str(name)] for name in names])
        self._owners = np.searchsorted(names, np.array(study.owners))
        needed = math.ceil(_TAIL_HEADROOM_FACTOR * fmr * study.impostors.total) + 1000
        tail = slice(0, min(study.impostors.exact, needed))
        self._margins = study.impostors.margins[tail]
        self._one = self._owners[study.impostors.owners[tail]]
        self._other = self._person[study.impostors.probes[tail]]
        self._genuine = study.genuine
        self._attempts = np.concatenate(
            [np.full(t.genuine.size, self._owners[t.owner]) for t in study.trials]
        )

    def miss_rate(self, drawn: NDArray[np.int64]) -> float:
        """Return the FNMR at the target FMR among the people drawn; NaN where it does not exist."""
        total = self._count_comparisons(drawn)
        weights = drawn[self._one] * drawn[self._other]
        own = drawn[self._attempts]
        if not (total > 0 and weights.any() and own.any()):
            return math.nan
        try:
            threshold = threshold_at_fmr(self._margins, self._fmr, total=total, weights=weights)
        except UsageError:  # the tail is too short for this draw
            return math.nan
        return float(own[self._genuine < threshold].sum() / own.sum())

    def _count_comparisons(self, drawn: NDArray[np.int64]) -> int:
        """Return the number of comparisons among the people drawn, each weighed by both people."""
        photos = drawn * self._photos
        in_fold = np.bincount(self._fold, weights=photos)[self._fold[self._owners]]
        others = in_fold - photos[self._owners]
        return int(self._repeats * (drawn[self._owners] * others).sum())
