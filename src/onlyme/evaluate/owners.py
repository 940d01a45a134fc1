"""Embeddings with names come in; how owners and strangers fare goes out.

The owner protocol plays the product: a person enrolls with k photos; the
person's other photos are genuine attempts, every photo of everybody else is
an impostor's. Nobody who enrolls is judged by what learned from them: with
`learn_for` people are split into folds, and the head for a fold, which judges
only owners *and* strangers of that fold, learns from the people of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from onlyme.errors import NotCalibrated, UsageError
from onlyme.evaluate.impostors import ImpostorAccumulator, Impostors

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

__all__ = [
    "OwnerLearner",
    "OwnerLearnerFactory",
    "OwnerMatcher",
    "OwnerStudy",
    "OwnerTrial",
    "StageProgress",
    "study_owners",
]

_MAX_CLOSEST_STRANGERS = 5  # strangers remembered for each trial


class OwnerMatcher(Protocol):
    """What enrolling one owner gives."""

    def margins(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return float64[n], the margin of each of float32[n, d] probes; larger is more ME."""

    def alpha_at(self, far: float) -> float:
        """Return the margin to reach for a promised false accept rate.

        May raise NotCalibrated; then nothing is promised and nothing compared.
        """


OwnerLearner = Callable[["NDArray[np.float32]"], OwnerMatcher]
"""Takes float32[k, d], the owner's photos, and learns the owner."""

OwnerLearnerFactory = Callable[[frozenset[str]], OwnerLearner]
"""Takes the people that may be learned from and returns how to learn an owner."""

StageProgress = Callable[[str, int, int], None]
"""Takes a stage, how much of it is done, and out of how much."""


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
        impostors: how many photos of strangers were compared.
        alphas: float64[f], alpha for each promised rate; NaN when not calibrated.
        false_accepts: int64[f], strangers' photos with margin ≥ alpha.
        false_rejects: int64[f], own photos with margin < alpha.
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
    closest: NDArray[np.intp] = field(repr=False)
    closest_margins: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class OwnerStudy:
    """The owner protocol's outcome.

    Attributes:
        owners: the people who enrolled, sorted.
        labels: str[n], whose each photo is.
        fold_of: the fold of each person.
        photos: how many photos each owner enrolled with.
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


def study_owners(
    embeddings: NDArray[np.float32],
    labels: Sequence[str],
    learn: OwnerLearner | None = None,
    *,
    learn_for: OwnerLearnerFactory | None = None,
    folds: int = 5,
    photos: int = 5,
    repeats: int = 1,
    fars: Collection[float] = (1e-2, 1e-3, 1e-4, 1e-5),
    seed: int = 0,
    progress: StageProgress | None = None,
) -> OwnerStudy:
    """Enroll everybody who has enough photos, and let everybody try.

    Args:
        embeddings: float32[n, d], one row a photo.
        labels: the person of each photo.
        learn: learns an owner; it must not have learned from these people.
        learn_for: instead of `learn`: makes one that may learn from some of them.
        folds: with `learn_for`, into how many parts to split the people.
        photos: k, how many photos an owner enrolls with.
        repeats: how often each owner enrolls.
        fars: the promised false accept rates to check.
        seed: the same seed gives the same photos, whatever is learned; so two
            heads can be compared pair by pair.
        progress: told `("owners", done, total)` after every trial.

    Raises:
        UsageError: when the arguments do not fit together, nobody has more
            than `photos` photos, a fold has no stranger, or margins are not finite.
    """
    vectors, names = _check_inputs(embeddings, labels)
    if (learn is None) == (learn_for is None):
        raise UsageError("give either `learn` or `learn_for`")
    if photos < 1 or repeats < 1 or not fars or not all(0 < far < 1 for far in fars):
        raise UsageError("photos and repeats start at 1; false accept rates lie between 0 and 1")
    people, counts = np.unique(names, return_counts=True)
    owners = tuple(str(person) for person in people[counts > photos])
    if not owners:
        raise UsageError(f"nobody has more than {photos} photos: {photos} to enroll and one to try")
    parts = folds if learn_for else 1
    fold_of = _deal(people, parts, seed)
    rates = tuple(sorted({float(far) for far in fars}, reverse=True))
    tally, trials = ImpostorAccumulator(), []
    folded = np.array([fold_of[name] for name in names])
    for fold in range(parts):
        others = frozenset(person for person, where in fold_of.items() if where != fold)
        learner = learn_for(others) if learn_for else learn
        assert learner is not None  # noqa: S101 - one of the two was given
        members = np.flatnonzero(folded == fold)
        for index, person in enumerate(owners):
            if fold_of[person] != fold:
                continue
            own, strangers = _split(members, names, person)
            for repeat in range(repeats):
                order = np.random.default_rng((seed, repeat, index)).permutation(own)
                trial, margins = _run_trial(
                    vectors, names, learner, (person, index, repeat, fold), rates,
                    np.sort(order[:photos]), np.sort(order[photos:]), strangers,
                )  # fmt: skip
                tally.add(margins, owner=index, probes=strangers)
                trials.append(trial)
                if progress:
                    progress("owners", len(trials), len(owners) * repeats)
    return OwnerStudy(owners, names, fold_of, photos, repeats, rates, tuple(trials), tally.result())


def _run_trial(
    vectors: NDArray[np.float32],
    names: NDArray[np.str_],
    learn: OwnerLearner,
    who: tuple[str, int, int, int],
    fars: tuple[float, ...],
    enrolled: NDArray[np.intp],
    probes: NDArray[np.intp],
    strangers: NDArray[np.intp],
) -> tuple[OwnerTrial, NDArray[np.float64]]:
    """Enroll one owner once; return the trial and the strangers' margins."""
    learned = learn(vectors[enrolled])
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
        *who,
        enrolled=enrolled,
        probes=probes,
        genuine=genuine,
        impostors=impostor.size,
        alphas=alphas,
        false_accepts=np.count_nonzero(impostor[:, None] >= alphas, axis=0).astype(np.int64),
        false_rejects=np.count_nonzero(genuine[:, None] < alphas, axis=0).astype(np.int64),
        closest=strangers[closest],
        closest_margins=impostor[closest],
    )
    return trial, impostor


def _find_closest(margins: NDArray[np.float64], names: NDArray[np.str_]) -> NDArray[np.intp]:
    """The best photo of each of the closest few strangers."""
    # Enough candidates for the few, unless one stranger has very many photos.
    some = min(margins.size, 40 * _MAX_CLOSEST_STRANGERS)
    best = np.argpartition(-margins, some - 1)[:some]
    best = best[np.argsort(-margins[best], kind="stable")]
    first = np.sort(np.unique(names[best], return_index=True)[1])[:_MAX_CLOSEST_STRANGERS]
    return best[first]


def _split(
    members: NDArray[np.intp], names: NDArray[np.str_], person: str
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    own = names[members] == person
    if own.all():
        raise UsageError(f"there is no stranger to compare {person} with")
    return members[own], members[~own]


def _deal(people: NDArray[np.str_], folds: int, seed: int) -> dict[str, int]:
    if folds < 1 or (folds == 1 and people.size < 2) or people.size < 2 * folds:
        raise UsageError(f"{people.size} people are too few; every fold needs at least two")
    order = np.random.default_rng((seed, folds)).permutation(people.size)
    return {str(people[where]): int(place % folds) for place, where in enumerate(order)}


def _check_inputs(
    embeddings: NDArray[np.float32], labels: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    vectors = np.asarray(embeddings, dtype=np.float32)
    names = np.asarray(labels, dtype=np.str_)
    if vectors.ndim != 2 or names.shape != vectors.shape[:1] or not np.isfinite(vectors).all():
        raise UsageError("evaluation takes float32[n, d], all finite, and a name for each row")
    return vectors, names
