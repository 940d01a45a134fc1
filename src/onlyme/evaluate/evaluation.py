"""Run a whole evaluation in one call, as the command line does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError
from onlyme.evaluate.groups import GroupStudy, study_groups
from onlyme.evaluate.owners import OwnerStudy, study_owners
from onlyme.evaluate.pair_verification import PairScorer, PairStudy, cosine, verify_pairs
from onlyme.evaluate.strata import StrataStudy, study_strata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from onlyme.evaluate.owners import OwnerLearner, OwnerLearnerFactory, StageProgress
    from onlyme.evaluate.pairs import Pair
    from onlyme.evaluate.plan import EvaluationPlan, LabelledEmbeddings

__all__ = ["Evaluation", "run_evaluation"]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The results of one evaluation.

    Attributes:
        title: names the data, for the report.
        model: sha256 of the network, or empty.
        created: when, in UTC.
        sources: the photo of each embedding.
        labels: str[n], the person on each photo.
        unusable: photos without a usable face; they are in no other figure.
        plan: how it was evaluated.
        crossfit: whether each person was judged by a head that saw only others.
        owners: the owner protocol; None when no person has enough photos.
        pairs: verification of pairs; None unless asked for.
        groups: by group; None unless asked for.
        strata: misses by what the pictures look like; None unless they were measured.
    """

    title: str
    model: str
    created: datetime
    sources: tuple[str, ...]
    labels: NDArray[np.str_] = field(repr=False)
    unusable: tuple[str, ...]
    plan: EvaluationPlan
    crossfit: bool
    owners: OwnerStudy | None
    pairs: PairStudy | None
    groups: GroupStudy | None
    strata: StrataStudy | None = None


def run_evaluation(
    faces: LabelledEmbeddings,
    plan: EvaluationPlan,
    learn: OwnerLearner | None = None,
    *,
    learn_for: OwnerLearnerFactory | None = None,
    pairs: Sequence[Pair] | None = None,
    score: PairScorer = cosine,
    groups: Mapping[str, str] | None = None,
    measures: Sequence[Mapping[str, float]] | None = None,
    progress: StageProgress | None = None,
) -> Evaluation:
    """Evaluate owners against strangers, and pairs and groups where asked for.

    Args:
        faces: the embeddings and their people.
        plan: how to evaluate.
        learn: learns an owner from float32[k, d]; see `owners.OwnerMatcher`.
        learn_for: in place of `learn`, for cross-fitting.
        pairs: a list to verify.
        score: of pairs.
        groups: the group of each person.
        measures: of each photo, the values of the quality checks by name, for misses by light,
            size, pose and blur; empty where a photo was not measured.
        progress: called with the stage, how much is done, and the total.

    Raises:
        UsageError: when the arguments do not fit together, or neither owners
            nor pairs can be judged.
    """
    labels = faces.people
    owners = None
    _, counts = np.unique(labels, return_counts=True)
    if pairs is None or (counts > plan.photos).any():
        owners = study_owners(faces, plan, learn, learn_for=learn_for, progress=progress)
    if groups is not None and owners is None:
        raise UsageError(
            f"rates by group need owners, but no person has {plan.photos + 1} photos or more"
        )
    return Evaluation(
        title=faces.title,
        model=faces.model,
        created=datetime.now(UTC),
        sources=tuple(faces.sources),
        labels=labels,
        unusable=tuple(faces.unusable),
        plan=plan,
        crossfit=learn_for is not None,
        owners=owners,
        pairs=None if pairs is None else verify_pairs(pairs, faces, plan, score=score),
        groups=study_groups(owners, groups, fmr=plan.far, seed=plan.seed)
        if owners is not None and groups is not None
        else None,
        strata=study_strata(owners, measures, owners.select_alphas(plan.far), seed=plan.seed)
        if owners is not None and measures is not None
        else None,
    )
