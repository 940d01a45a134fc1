"""Measure how often owners are rejected and strangers are accepted.

The owner protocol does what the product does: a person enrolls with k photos;
the person's other photos are genuine attempts, every photo of every other
person is an impostor attempt. A head never judges a person that it learned
from: with `learn_for` people are split into folds, and the head for a fold,
which judges only owners *and* strangers of that fold, learns from the people
of the other folds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from onlyme.errors import NotCalibrated, UsageError
from onlyme.evaluate.impostors import ImpostorAccumulator, Impostors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from onlyme.evaluate.plan import EvaluationPlan, LabelledEmbeddings

__all__ = [
    "OwnerLearner",
    "OwnerLearnerFactory",
    "OwnerMatcher",
    "OwnerStudy",
    "OwnerTrial",
    "StageProgress",
    "study_owners",
]

_MAX_CLOSEST_STRANGERS = 5  # stored for each trial


class OwnerMatcher(Protocol):
    """The result of enrolling one owner."""

    def margins(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return float64[n], the margin of each of float32[n, d] probes; larger is more ME."""

    def alpha_at(self, far: float) -> float:
        """Return the margin to reach for a promised false accept rate.

        May raise NotCalibrated; then nothing is promised and nothing compared.
        """


OwnerLearner = Callable[["NDArray[np.float32]"], OwnerMatcher]
"""Takes float32[k, d], the owner's photos, and learns the owner."""

OwnerLearnerFactory = Callable[[frozenset[str]], OwnerLearner]
"""Takes the people that may be learned from, and returns a learner of owners."""

StageProgress = Callable[[str, int, int], None]
"""Takes a stage, how much of it is done, and the total."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnerTrial:
    """One owner, enrolled once.

    Attributes:
        person: the owner.
        owner: index of the owner among the study's owners.
        repeat: which draw of photos, from 0.
        fold: which fold, from 0.
        enrolled: intp[k], the photos learned from.
        probes: intp[g], the owner's other photos.
        genuine: float64[g], their margins.
        impostors: the number of strangers' photos that were compared.
        alphas: float64[f], alpha for each promised rate; NaN when not calibrated.
        false_accepts: int64[f], strangers' photos with margin ≥ alpha.
        false_rejects: int64[f], own photos with margin < alpha.
        accepted: for each promised rate intp[a], the strangers' photos that were accepted.
        closest: intp[c], the best photo of each of the closest strangers.
        closest_margins: float64[c], falling.
    """

    person: str
    owner: int
    repeat: int
    fold: int
    enrolled: NDArray[np.intp] = field(repr=False)
    probes: NDArray[np.intp] = field(repr=False)
    genuine: NDArray[np.float64] = field(repr=False)
    impostors: int
    alphas: NDArray[np.float64] = field(repr=False)
    false_accepts: NDArray[np.int64] = field(repr=False)
    false_rejects: NDArray[np.int64] = field(repr=False)
    accepted: tuple[NDArray[np.intp], ...] = field(repr=False)
    closest: NDArray[np.intp] = field(repr=False)
    closest_margins: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class OwnerStudy:
    """The results of the owner protocol.

    Attributes:
        owners: the people who enrolled, sorted.
        labels: str[n], the person on each photo.
        fold_of: the fold of each person.
        photos: the number of photos that each owner enrolled with.
        repeats: how often each owner enrolled, each time with other photos.
        fars: the promised false accept rates, falling.
        trials: one for each owner and repeat.
        impostors: the margins of strangers, pooled.
    """

    owners: tuple[str, ...]
    labels: NDArray[np.str_] = field(repr=False)
    fold_of: dict[str, int]
    photos: int
    repeats: int
    fars: tuple[float, ...]
    trials: tuple[OwnerTrial, ...]
    impostors: Impostors

    @property
    def genuine(self) -> NDArray[np.float64]:
        """Float64[g], the margins of all genuine attempts."""
        return np.concatenate([trial.genuine for trial in self.trials])

    @property
    def is_calibrated(self) -> bool:
        """Whether every trial promised its rates."""
        return not any(np.isnan(trial.alphas).any() for trial in self.trials)

    def select_alphas(self, far: float) -> NDArray[np.float64]:
        """Return each trial's own alpha for this rate; without calibration, one alpha for all.

        Args:
            far: one of `fars`.
        """
        if not self.is_calibrated:
            return np.full(len(self.trials), self.impostors.threshold_at(far))
        index = self.fars.index(far)
        return np.array([trial.alphas[index] for trial in self.trials])

    def misses_at(self, threshold: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Count each owner's genuine attempts below a threshold.

        Returns:
            int64[owners] misses and int64[owners] attempts, as
            `intervals.bootstrap_rate` and `bootstrap_ratio` take them.
        """
        misses = np.zeros(len(self.owners), np.int64)
        attempts = np.zeros(len(self.owners), np.int64)
        for trial in self.trials:
            misses[trial.owner] += np.count_nonzero(trial.genuine < threshold)
            attempts[trial.owner] += trial.genuine.size
        return misses, attempts

    def comparisons(self) -> NDArray[np.int64]:
        """Return int64[owners], each owner's comparisons with strangers."""
        counts = np.zeros(len(self.owners), np.int64)
        for trial in self.trials:
            counts[trial.owner] += trial.impostors
        return counts


@dataclass(frozen=True, slots=True, eq=False)
class _Draw:
    """The photos of one trial: which to enroll, and which to try."""

    person: str
    owner: int
    repeat: int
    fold: int
    enrolled: NDArray[np.intp]
    probes: NDArray[np.intp]
    strangers: NDArray[np.intp]


def study_owners(
    faces: LabelledEmbeddings,
    plan: EvaluationPlan,
    learn: OwnerLearner | None = None,
    *,
    learn_for: OwnerLearnerFactory | None = None,
    progress: StageProgress | None = None,
) -> OwnerStudy:
    """Enroll every person with enough photos, and try all other photos.

    Args:
        faces: the embeddings and their people.
        plan: how many photos to enroll with, how often, in how many folds, the
            rates to check, and the seed.
        learn: learns an owner; it must not have learned from these people.
        learn_for: in place of `learn`: makes one that may learn from some of them.
        progress: called with `("owners", done, total)` after every trial.

    Raises:
        UsageError: when both or none of `learn` and `learn_for` are given, no
            person has more than `photos` photos, a fold has no stranger, or
            margins are not finite.
    """
    if (learn is None) == (learn_for is None):
        raise UsageError("give either `learn` or `learn_for`")
    names = faces.people
    people, counts = np.unique(names, return_counts=True)
    owners = tuple(str(person) for person in people[counts > plan.photos])
    if not owners:
        raise UsageError(
            f"no person has {plan.photos + 1} photos or more; an owner needs {plan.photos} to "
            "enroll and one more to try"
        )
    folds = plan.folds if learn_for else 1
    fold_of = _deal(people, folds, plan.seed)
    tally, trials = ImpostorAccumulator(), []
    for fold in range(folds):
        others = frozenset(person for person, place in fold_of.items() if place != fold)
        learner = learn_for(others) if learn_for else learn
        assert learner is not None  # noqa: S101 - one of the two was given
        for draw in _draw_trials(names, owners, fold_of, plan, fold):
            trial, margins = _run_trial(faces.vectors, names, learner, plan.rates, draw)
            tally.add(margins, owner=draw.owner, probes=draw.strangers)
            trials.append(trial)
            if progress:
                progress("owners", len(trials), len(owners) * plan.repeats)
    return OwnerStudy(
        owners=owners,
        labels=names,
        fold_of=fold_of,
        photos=plan.photos,
        repeats=plan.repeats,
        fars=plan.rates,
        trials=tuple(trials),
        impostors=tally.result(),
    )


def _draw_trials(
    names: NDArray[np.str_],
    owners: tuple[str, ...],
    fold_of: dict[str, int],
    plan: EvaluationPlan,
    fold: int,
) -> Iterator[_Draw]:
    """Draw the photos of each trial of one fold, owner by owner."""
    members = np.flatnonzero(np.array([fold_of[name] for name in names]) == fold)
    for index, person in enumerate(owners):
        if fold_of[person] != fold:
            continue
        is_own = names[members] == person
        if is_own.all():
            raise UsageError(f"there is no stranger to compare {person} with")
        for repeat in range(plan.repeats):
            # The generator depends on seed, repeat and owner alone: two heads with the same
            # seed get the same photos.
            generator = np.random.default_rng((plan.seed, repeat, index))
            order = generator.permutation(members[is_own])
            yield _Draw(
                person=person,
                owner=index,
                repeat=repeat,
                fold=fold,
                enrolled=np.sort(order[: plan.photos]),
                probes=np.sort(order[plan.photos :]),
                strangers=members[~is_own],
            )


def _run_trial(
    vectors: NDArray[np.float32],
    names: NDArray[np.str_],
    learn: OwnerLearner,
    fars: tuple[float, ...],
    draw: _Draw,
) -> tuple[OwnerTrial, NDArray[np.float64]]:
    """Enroll one owner once; return the trial and the strangers' margins."""
    probes, strangers = draw.probes, draw.strangers
    learned = learn(vectors[draw.enrolled])
    margins = np.asarray(
        learned.margins(vectors[np.concatenate([probes, strangers])]), dtype=np.float64
    )
    if margins.shape != (probes.size + strangers.size,) or not np.isfinite(margins).all():
        raise UsageError("a head must return one finite margin for each embedding")
    genuine, impostor = margins[: probes.size], margins[probes.size :]
    try:
        alphas = np.array([float(learned.alpha_at(far)) for far in fars])
    except NotCalibrated:
        alphas = np.full(len(fars), np.nan)
    closest = _find_closest(impostor, names[strangers])
    trial = OwnerTrial(
        person=draw.person,
        owner=draw.owner,
        repeat=draw.repeat,
        fold=draw.fold,
        enrolled=draw.enrolled,
        probes=probes,
        genuine=genuine,
        impostors=impostor.size,
        alphas=alphas,
        false_accepts=np.count_nonzero(impostor[:, None] >= alphas, axis=0).astype(np.int64),
        false_rejects=np.count_nonzero(genuine[:, None] < alphas, axis=0).astype(np.int64),
        accepted=tuple(strangers[impostor >= alpha] for alpha in alphas),
        closest=strangers[closest],
        closest_margins=impostor[closest],
    )
    return trial, impostor


def _find_closest(margins: NDArray[np.float64], names: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return the best photo of each of the closest few strangers."""
    # Enough candidates for the few, unless one stranger has very many photos.
    size = min(margins.size, 40 * _MAX_CLOSEST_STRANGERS)
    best = np.argpartition(-margins, size - 1)[:size]
    best = best[np.argsort(-margins[best], kind="stable")]
    first = np.sort(np.unique(names[best], return_index=True)[1])[:_MAX_CLOSEST_STRANGERS]
    return best[first]


def _deal(people: NDArray[np.str_], folds: int, seed: int) -> dict[str, int]:
    """Deal the people into folds of nearly equal size."""
    if people.size < max(2, 2 * folds):
        raise UsageError(f"too few people: {people.size}; every fold needs at least two")
    order = np.random.default_rng((seed, folds)).permutation(people.size)
    return {str(people[where]): int(place % folds) for place, where in enumerate(order)}
