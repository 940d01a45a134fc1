"""Learning one owner: embeddings of ME and NOT_ME come in; a `LearnedOwner` goes out.

Verifying imports this module too, but runs nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import EnrollmentError, UsageError
from onlyme.siamese.calibrate import compute_centre
from onlyme.siamese.distance import measure_distances, normalize
from onlyme.siamese.learned import LearnedOwner, LearningReport
from onlyme.siamese.margin import GIVEN_VOTES, LOOK_ALIKE_VOTES, NotMe
from onlyme.siamese.owner_head import MIN_OWNER_HEAD_PHOTOS, cross_validate, train_owner_head

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.siamese.head import Base

__all__ = [
    "EQUAL_PICTURE_DISTANCE",
    "PLAIN_ALPHA",
    "SAME_PICTURE_HEAD_DISTANCE",
    "PhotoValue",
    "learn_owner",
    "leave_one_out",
]

PLAIN_ALPHA = 0.3
"""Margin asked for without calibration: on raw SFace distances about the 0.36 cosine of
OpenCV's sample. It promises nothing, and unlock refuses it."""

SAME_PICTURE_HEAD_DISTANCE = 0.1
"""Embeddings nearer than this are of one picture, scaled or saved again."""

EQUAL_PICTURE_DISTANCE = 1e-3
"""So near are embeddings of one and the same picture by any network. How near others lie, of a
network that nobody measured, says nothing: trained on its owner, it puts all of them together."""

_HARDEST_STRANGERS = 64
"""Strangers of the cohort that the owner head trains against: those nearest to the owner."""

_MAX_TRIPLETS, _MAX_ME_PHOTOS, _MIN_NOT_ME_FACES = 20_000, 40, 8
"""Every triplet is used up to so many; beyond, of so many ME photos and with the hardest NOT_ME."""

_VALIDATION_DRAWS = 1024
"""Draws that cross-validation judges the owner head by."""

_TAIL_DRAWS = 32
"""Draws that stand for the tail when two heads are brought to one scale."""


def learn_owner(
    base: Base,
    me: object,
    not_me: object = (),
    *,
    look_alikes: object = (),
    training_alpha: float | None = None,
    far: float = 1e-4,
) -> LearnedOwner:
    """Learn one owner. The same input gives the same answer; nothing is drawn.

    Args:
        base: what to start from.
        me: float32[m, d], embeddings of the owner's photos, m ≥ 1.
        not_me: float32[n, d], embeddings of others that the owner gave.
        look_alikes: float32[l, d], embeddings of those who come near: a sibling,
            or whoever was accepted by mistake.
        training_alpha: the article's alpha, −1 to 1, for the owner head; None
            takes 0.5, and less with few photos.
        far: the false accept rate that `alpha` is set for.

    Raises:
        EnrollmentError: no ME photo, or ME photos that cancel each other out.
        UsageError: embeddings or numbers that make no sense.
    """
    mine = base.project(me, "me")
    if not len(mine):
        raise EnrollmentError("learning needs at least one photo of the owner")
    if np.linalg.norm(mine.mean(axis=0)) < 0.1:
        raise EnrollmentError("these photos have nothing in common; are they of one person?")
    others = [base.project(not_me, "not_me"), base.project(look_alikes, "look_alikes")]
    given = np.concatenate(others)
    votes = np.repeat([GIVEN_VOTES, LOOK_ALIKE_VOTES], [len(part) for part in others])
    photos = _count_distinct(
        mine, SAME_PICTURE_HEAD_DISTANCE if len(base.cohort) else EQUAL_PICTURE_DISTANCE
    )
    alpha = _choose_training_alpha(training_alpha, photos)
    scale, kept, report = _choose_owner_head(base, mine, given, photos, alpha)
    centre, spread = _fit_centre_and_spread(base, mine, scale if kept else None)
    z = PLAIN_ALPHA if base.curve is None else base.curve.z_at(far, photos)
    return LearnedOwner(
        base=base,
        template=normalize(normalize(mine * scale).mean(axis=0)),
        photos=photos,
        not_me=NotMe(
            normalize(base.cohort * scale) if kept else base.cohort,
            normalize(given * scale),
            votes.astype(np.float32),
            base.nearest,
        ),
        scale=scale,
        centre=centre,
        spread=spread,
        alpha=centre + spread * z,
        training_alpha=alpha,
        kept=kept,
        report=report,
    )


@dataclass(frozen=True, slots=True)
class PhotoValue:
    """What one ME photo does for the others.

    Attributes:
        photo: its place among the ME photos.
        helps: how much nearer the other photos come to the owner's template with
            this one than without, each judged by a template that leaves it out and
            weighed by its distance to the nearest of the rest. Below 0 it hurts; NaN
            with fewer than three photos.
        margin: its own margin by a template of the others; NaN for a single photo.
    """

    photo: int
    helps: float
    margin: float


def leave_one_out(base: Base, me: object, not_me: object = ()) -> tuple[PhotoValue, ...]:
    """Judge each ME photo by leaving it out.

    Args:
        base: the head to judge with.
        me: float32[m, d], embeddings of the owner's photos.
        not_me: float32[n, d], embeddings of others that the owner gave.

    Returns:
        One value a photo, in their order.

    Raises:
        UsageError: embeddings that make no sense.
    """
    mine, given = base.project(me, "me"), base.project(not_me, "not_me")
    votes = np.full(len(given), GIVEN_VOTES, np.float32)
    not_me_distance = NotMe(base.cohort, given, votes, base.nearest).measure_distance(mine)
    total, count, between = mine.sum(axis=0), len(mine), measure_distances(mine, mine)
    made = []
    for photo in range(count):
        others = [other for other in range(count) if other != photo]
        helps = margin = float("nan")
        if others:
            away = _measure_distance(mine[photo], total - mine[photo])
            margin = float(not_me_distance[photo]) - away
        if len(others) > 1:
            gains = [
                _measure_distance(mine[other], total - mine[other] - mine[photo])
                - _measure_distance(mine[other], total - mine[other])
                for other in others
            ]
            # Pictures of one minute look alike; each other photo counts by how new it is.
            novelty = [min(between[other, o] for o in others if o != other) for other in others]
            helps = float(np.average(gains, weights=np.maximum(novelty, 1e-6)))
        made.append(PhotoValue(photo, helps, margin))
    return tuple(made)


def _measure_distance(photo: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    return float(measure_distances(photo[None], normalize(others[None]))[0, 0])


def _choose_training_alpha(asked: float | None, photos: int) -> float:
    """The article: 0.5, and lower, even negative, with few photos."""
    if asked is None:
        return 0.5 if photos >= 5 else 0.2 if photos >= 3 else -0.2
    if not -1.0 <= asked <= 1.0:
        raise UsageError(f"the training alpha lies between -1 and 1, not {asked}")
    return float(asked)


def _count_distinct(mine: NDArray[np.float32], same: float) -> int:
    """How many different pictures there are; those nearer than `same` are one."""
    earlier = np.tril(measure_distances(mine, mine) < same, -1)
    return int((~earlier.any(axis=1)).sum())


def _choose_owner_head(
    base: Base,
    mine: NDArray[np.float32],
    given: NDArray[np.float32],
    photos: int,
    alpha: float,
) -> tuple[NDArray[np.float32], bool, LearningReport]:
    """The owner head if it proves itself, otherwise ones; and why."""
    stay, notes = np.ones(mine.shape[1], np.float32), _write_notes(mine, given, photos)
    if photos < MIN_OWNER_HEAD_PHOTOS:
        return (
            stay,
            False,
            LearningReport(
                f"the base head stays: under {MIN_OWNER_HEAD_PHOTOS} different photos", notes
            ),
        )
    if not len(base.cohort):
        return (
            stay,
            False,
            LearningReport("the base head stays: no strangers to train against", notes),
        )
    mine = mine[_space_evenly(len(mine), _MAX_ME_PHOTOS)]
    template = normalize(mine.mean(axis=0))[None]
    near = np.argsort(measure_distances(base.cohort, template)[:, 0], kind="stable")[
        :_HARDEST_STRANGERS
    ]
    everybody = np.concatenate([given, base.cohort[near]])
    most = max(_MAX_TRIPLETS // (len(mine) * (len(mine) - 1)), _MIN_NOT_ME_FACES)
    hardest = np.argsort(measure_distances(everybody, template)[:, 0], kind="stable")[:most]
    everybody = everybody[hardest]
    judged = cross_validate(mine, everybody, base.draws[:_VALIDATION_DRAWS], alpha)
    if not judged.helps:
        why = "an owner head would not know left-out photos any better"
        return stay, False, LearningReport(f"the base head stays: {why}", notes)
    said = f"left-out photos gain {judged.gain:.2f} ± {judged.error:.2f} standard deviations"
    made = train_owner_head(mine, everybody, alpha)
    if made.collapsed:
        return stay, False, LearningReport("the base head stays: training collapsed", notes)
    return made.scale, True, LearningReport(f"the owner head is kept: {said}", notes)


def _space_evenly(count: int, most: int) -> NDArray[np.intp]:
    """At most `most` of `count` places, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


def _write_notes(
    mine: NDArray[np.float32], given: NDArray[np.float32], photos: int
) -> tuple[str, ...]:
    notes = []
    if photos == 1 and len(mine) > 1:
        notes.append("all photos are the same picture, and count as one; add others")
    elif photos < len(mine):
        notes.append(f"{len(mine) - photos} of {len(mine)} photos repeat a picture; add others")
    if len(given):
        template = normalize(mine.mean(axis=0))[None]
        farthest = float(measure_distances(mine, template).max())
        like = (
            int((measure_distances(given, template)[:, 0] <= farthest).sum())
            if len(mine) > 1
            else 0
        )
        if like:
            notes.append(f"{like} of the NOT_ME photos lie as near as your own; are they of you?")
    return tuple(notes)


def _fit_centre_and_spread(
    base: Base, mine: NDArray[np.float32], scale: NDArray[np.float32] | None
) -> tuple[float, float]:
    """Centre and spread of z, from draws that no training used.

    Faces that the owner gave are left out: they can only lower a stranger's
    margin, and alpha must not follow them down. With an owner head the margins
    of the draws move; centre and spread bring their mean and their tail to where
    the base head has them, so that the same curve holds.
    """
    if not len(base.draws):
        return 0.0, 1.0
    template = normalize(mine.mean(axis=0))[None]
    margins = base.draws_not_me - measure_distances(base.draws, template)[:, 0]
    centre = compute_centre(margins, mine)
    if scale is None:
        return centre, 1.0
    draws, cohort = normalize(base.draws * scale), normalize(base.cohort * scale)
    nobody = NotMe(cohort, cohort[:0], np.empty(0, np.float32), base.nearest)
    template = normalize(normalize(mine * scale).mean(axis=0))[None]
    moved = nobody.measure_distance(draws) - measure_distances(draws, template)[:, 0]
    spread = _measure_tail(moved) / _measure_tail(margins)
    return float(moved.mean()) - spread * (float(margins.mean()) - centre), spread


def _measure_tail(margins: NDArray[np.float64]) -> float:
    """From the mean to the mean of the hardest."""
    return float(np.partition(margins, -_TAIL_DRAWS)[-_TAIL_DRAWS:].mean() - margins.mean())
