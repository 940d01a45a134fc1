"""The whole evaluation in one call: what the command line runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError
from onlyme.evaluate.groups import GroupStudy, study_groups
from onlyme.evaluate.owners import OwnerStudy, study_owners
from onlyme.evaluate.pair_verification import PairScorer, PairStudy, cosine, verify_pairs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from onlyme.evaluate.owners import OwnerLearner, OwnerLearnerFactory, StageProgress
    from onlyme.evaluate.pairs import Pair

__all__ = ["Evaluation", "run_evaluation"]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All that one evaluation found.

    Attributes:
        title: names the data, for the report.
        model: sha256 of the network, or empty.
        created: when, in UTC.
        sources: the photo of each embedding.
        labels: str[n], whose it is.
        unusable: photos without a usable face; no figure holds them.
        far: the promised false accept rate that the report speaks of.
        seed: of every random choice.
        crossfit: whether each person was judged by a head that saw only others.
        owners: the owner protocol; None when nobody has photos enough.
        pairs: verification of pairs; None unless asked for.
        groups: by group; None unless asked for.
    """

    title: str
    model: str
    created: datetime
    sources: tuple[str, ...]
    labels: NDArray[np.str_] = field(repr=False)
    unusable: tuple[str, ...]
    far: float
    seed: int
    crossfit: bool
    owners: OwnerStudy | None
    pairs: PairStudy | None
    groups: GroupStudy | None


def run_evaluation(
    embeddings: NDArray[np.float32],
    labels: Sequence[str],
    sources: Sequence[str],
    learn: OwnerLearner | None = None,
    *,
    learn_for: OwnerLearnerFactory | None = None,
    folds: int = 5,
    photos: int = 5,
    repeats: int = 1,
    far: float = 1e-4,
    fars: Collection[float] = (1e-2, 1e-3, 1e-4, 1e-5),
    pairs: Sequence[Pair] | None = None,
    score: PairScorer = cosine,
    groups: Mapping[str, str] | None = None,
    unusable: Sequence[str] = (),
    title: str = "",
    model: str = "",
    seed: int = 0,
    progress: StageProgress | None = None,
) -> Evaluation:
    """Evaluate owners against strangers, and pairs and groups where asked for.

    Args:
        embeddings: float32[n, d], one row a photo.
        labels: the person of each photo.
        sources: names each photo; pairs and thumbnails refer to it.
        learn: learns an owner from float32[k, d]; see `owners.OwnerMatcher`.
        learn_for: instead of `learn`, for cross-fitting over `folds`.
        folds: with `learn_for`, how many.
        photos: how many photos an owner enrolls with.
        repeats: how often each owner enrolls.
        far: the promised false accept rate that the report speaks of.
        fars: the promised rates to check; `far` joins them.
        pairs: a list to verify.
        score: of pairs.
        groups: the group of each person.
        unusable: photos that gave no embedding, for the report to count.
        title: names the data.
        model: sha256 of the network.
        seed: the same seed gives the same figures.
        progress: told stage, done and total.

    Raises:
        UsageError: when the arguments do not fit together, or neither owners
            nor pairs can be judged.
    """
    names = np.asarray(labels, dtype=np.str_)
    if len(sources) != names.size:
        raise UsageError("every embedding needs its source")
    owners = None
    _, counts = np.unique(names, return_counts=True)
    if pairs is None or (counts > photos).any():
        owners = study_owners(
            embeddings, labels, learn, learn_for=learn_for, folds=folds, photos=photos,
            repeats=repeats, fars={*fars, far}, seed=seed, progress=progress,
        )  # fmt: skip
    if groups is not None and owners is None:
        raise UsageError(f"groups need owners, and nobody has more than {photos} photos")
    return Evaluation(
        title=title,
        model=model,
        created=datetime.now(UTC),
        sources=tuple(sources),
        labels=names,
        unusable=tuple(unusable),
        far=far,
        seed=seed,
        crossfit=learn_for is not None,
        owners=owners,
        pairs=verify_pairs(pairs, embeddings, labels, sources, score=score, seed=seed)
        if pairs is not None
        else None,
        groups=study_groups(owners, groups, fmr=far, seed=seed)
        if owners is not None and groups is not None
        else None,
    )
