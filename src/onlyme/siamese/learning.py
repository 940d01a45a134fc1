"""Learn one owner from embeddings of ME and NOT_ME.

Verifying and listing need none of this, so nothing that they import imports this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import EnrollmentError, UsageError
from onlyme.siamese.distance import (
    EQUAL_PICTURE_DISTANCE,
    SAME_PICTURE_HEAD_DISTANCE,
    measure_distances,
    normalize,
)
from onlyme.siamese.learned import LearnedOwner, LearningReport
from onlyme.siamese.margin import GIVEN_VOTES, LOOK_ALIKE_VOTES, NotMe
from onlyme.siamese.owner_head import (
    MIN_OWNER_HEAD_PHOTOS,
    cross_validate,
    space_evenly,
    train_owner_head,
)
from onlyme.types import DEFAULT_FAR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.siamese.head import Base

__all__ = ["PhotoValue", "learn_owner", "leave_one_out"]

_MIN_ME_MEAN_LENGTH = 0.1
"""Heads of ME whose mean is shorter than this have no common direction."""

_HARDEST_STRANGERS = 64
"""Strangers of the cohort that the owner head trains against: those nearest to the owner."""

_MAX_TRIPLETS, _MAX_ME_PHOTOS, _MIN_NOT_ME_FACES = 20_000, 40, 8
"""Up to this many triplets all are used. With more, this many ME photos are used, evenly spaced,
and of NOT_ME the hardest faces, but at least this many."""

_VALIDATION_DRAWS = 1024
"""Draws that cross-validation measures the owner head on."""

_TAIL_DRAWS = 32
"""Draws that stand for the tail when two heads are brought to one scale."""


def learn_owner(
    base: Base,
    me: object,
    not_me: object = (),
    *,
    look_alikes: object = (),
    training_alpha: float | None = None,
    far: float = DEFAULT_FAR,
) -> LearnedOwner:
    """Learn one owner. The same input gives the same result; nothing is random.

    Args:
        base: what to learn from.
        me: float32[m, d], embeddings of the owner's photos, m ≥ 1.
        not_me: float32[n, d], embeddings of others that the owner gave.
        look_alikes: float32[l, d], embeddings of others who look like the owner: a sibling,
            or a face that was accepted by mistake.
        training_alpha: the article's alpha, −1 to 1, to try an owner head with; None tries
            none, as enrolment does: it never helped (docs/explanation/head.md).
        far: the false accept rate that `alpha` is set for.

    Raises:
        EnrollmentError: there is no ME photo, or the ME photos have no common direction.
        UsageError: embeddings or numbers are invalid.
    """
    mine = base.project(me, "me")
    if not len(mine):
        raise EnrollmentError("learning needs at least one photo of the owner")
    if np.linalg.norm(mine.mean(axis=0)) < _MIN_ME_MEAN_LENGTH:
        raise EnrollmentError("these photos have nothing in common; use photos of one person")
    others = [base.project(not_me, "not_me"), base.project(look_alikes, "look_alikes")]
    given = np.concatenate(others)
    votes = np.repeat([GIVEN_VOTES, LOOK_ALIKE_VOTES], [len(part) for part in others])
    photos = _count_distinct(
        mine, SAME_PICTURE_HEAD_DISTANCE if len(base.cohort) else EQUAL_PICTURE_DISTANCE
    )
    alpha = _choose_training_alpha(training_alpha, photos)
    head, why = None, "no owner head: none was asked for"
    if training_alpha is not None:
        head, why = _choose_owner_head(base, mine, given, photos, alpha)
    scale = np.ones(mine.shape[1], np.float32) if head is None else head
    centre, spread = _fit_centre_and_spread(base, mine, head)
    z = base.plain_alpha if base.curve is None else base.curve.z_at(far, photos)
    return LearnedOwner(
        base=base,
        template=normalize(normalize(mine * scale).mean(axis=0)),
        photos=photos,
        not_me=NotMe(
            base.cohort if head is None else normalize(base.cohort * head),
            normalize(given * scale),
            votes.astype(np.float32),
            base.nearest,
        ),
        scale=scale,
        centre=centre,
        spread=spread,
        alpha=centre + spread * z,
        training_alpha=alpha,
        has_owner_head=head is not None,
        report=LearningReport(why, _write_notes(mine, given, photos)),
    )


@dataclass(frozen=True, slots=True)
class PhotoValue:
    """How much one ME photo helps the others.

    Attributes:
        photo: its place among the ME photos, from 0.
        helps: how much nearer the other photos are to the owner's template with this photo
            in it than without. The template of each leaves that photo out, and its weight
            is its distance to the nearest of the rest. Below 0 the photo hurts; NaN with
            fewer than three photos.
        margin: its own margin by a template of the others; NaN for a single photo.
    """

    photo: int
    helps: float
    margin: float


def leave_one_out(base: Base, me: object, not_me: object = ()) -> tuple[PhotoValue, ...]:
    """Measure what each ME photo adds, by leaving it out.

    Args:
        base: the head to use.
        me: float32[m, d], embeddings of the owner's photos.
        not_me: float32[n, d], embeddings of others that the owner gave.

    Returns:
        One value for each photo, in their order.

    Raises:
        UsageError: the embeddings are invalid.
    """
    mine, given = base.project(me, "me"), base.project(not_me, "not_me")
    votes = np.full(len(given), GIVEN_VOTES, np.float32)
    not_me_distance = NotMe(base.cohort, given, votes, base.nearest).measure_distance(mine)
    total, count, between = mine.sum(axis=0), len(mine), measure_distances(mine, mine)
    values = []
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
            # Photos of one minute look alike, so each counts by its distance to the nearest other.
            novelty = [min(between[other, o] for o in others if o != other) for other in others]
            helps = float(np.average(gains, weights=np.maximum(novelty, 1e-6)))
        values.append(PhotoValue(photo, helps, margin))
    return tuple(values)


def _measure_distance(photo: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    return float(measure_distances(photo[None], normalize(others[None]))[0, 0])


def _choose_training_alpha(asked: float | None, photos: int) -> float:
    """The article's 0.5; lower, even negative, with few photos."""
    if asked is None:
        return 0.5 if photos >= 5 else 0.2 if photos >= 3 else -0.2
    if not -1.0 <= asked <= 1.0:
        raise UsageError(f"a training alpha lies between -1 and 1, not {asked}")
    return float(asked)


def _count_distinct(mine: NDArray[np.float32], same: float) -> int:
    """Count different pictures; those nearer than `same` are one."""
    earlier = np.tril(measure_distances(mine, mine) < same, -1)
    return int((~earlier.any(axis=1)).sum())


def _choose_owner_head(
    base: Base,
    mine: NDArray[np.float32],
    given: NDArray[np.float32],
    photos: int,
    alpha: float,
) -> tuple[NDArray[np.float32] | None, str]:
    """The owner head if cross-validation shows that it helps, else None; and why."""
    if photos < MIN_OWNER_HEAD_PHOTOS:
        return None, f"no owner head: under {MIN_OWNER_HEAD_PHOTOS} different photos"
    if not len(base.cohort):
        return None, "no owner head: no strangers to train against"
    mine = mine[space_evenly(len(mine), _MAX_ME_PHOTOS)]
    template = normalize(mine.mean(axis=0))[None]
    near = _sort_by_distance(base.cohort, template)[:_HARDEST_STRANGERS]
    others = np.concatenate([given, base.cohort[near]])
    most = max(_MAX_TRIPLETS // (len(mine) * (len(mine) - 1)), _MIN_NOT_ME_FACES)
    others = others[_sort_by_distance(others, template)[:most]]
    result = cross_validate(mine, others, base.draws[:_VALIDATION_DRAWS], alpha)
    if not result.helps:
        return None, "no owner head: it does not separate left-out photos better"
    head = train_owner_head(mine, others, alpha)
    if head.collapsed:
        return None, "no owner head: training collapsed"
    return head.scale, (
        "owner head kept: left-out photos gain "
        f"{result.gain:.2f} ± {result.error:.2f} standard deviations"
    )


def _sort_by_distance(
    heads: NDArray[np.float32], template: NDArray[np.float32]
) -> NDArray[np.intp]:
    """The rows of `heads`, the nearest to a template, float32[1, r], first."""
    return np.argsort(measure_distances(heads, template)[:, 0], kind="stable")


def _write_notes(
    mine: NDArray[np.float32], given: NDArray[np.float32], photos: int
) -> tuple[str, ...]:
    notes = []
    if photos == 1 and len(mine) > 1:
        notes.append("all photos are the same picture and count as one; add different photos")
    elif photos < len(mine):
        repeated = len(mine) - photos
        verb = "repeats" if repeated == 1 else "repeat"
        notes.append(f"{repeated} of {len(mine)} photos {verb} a picture; add different photos")
    if len(given):
        template = normalize(mine.mean(axis=0))[None]
        farthest = float(measure_distances(mine, template).max())
        like = (
            int((measure_distances(given, template)[:, 0] <= farthest).sum())
            if len(mine) > 1
            else 0
        )
        if like:
            notes.append(
                "1 NOT_ME photo is as near as your own photos; check that it does not show you"
                if like == 1
                else f"{like} NOT_ME photos are as near as your own photos; check that they do "
                "not show you"
            )
    return tuple(notes)


def _fit_centre_and_spread(
    base: Base, mine: NDArray[np.float32], scale: NDArray[np.float32] | None
) -> tuple[float, float]:
    """Compute centre and spread of z from draws that no training used.

    Faces that the owner gave are left out: they can only lower a stranger's margin, and
    alpha must not follow them down. An owner head moves the margins of the draws. Centre
    and spread map their mean and their tail to those of the base head, so that the same
    curve holds.
    """
    if not len(base.draws):
        return 0.0, 1.0
    template = normalize(mine.mean(axis=0))[None]
    centre = float(base.measure_centres(template)[0])
    if scale is None:
        return centre, 1.0
    margins = base.draws_not_me - measure_distances(base.draws, template)[:, 0]
    draws, cohort = normalize(base.draws * scale), normalize(base.cohort * scale)
    rule = NotMe.from_cohort(cohort, base.nearest)
    template = normalize(normalize(mine * scale).mean(axis=0))[None]
    moved = rule.measure_distance(draws) - measure_distances(draws, template)[:, 0]
    spread = _measure_tail(moved) / _measure_tail(margins)
    return float(moved.mean()) - spread * (float(margins.mean()) - centre), spread


def _measure_tail(margins: NDArray[np.float64]) -> float:
    """Distance from the mean of all margins to the mean of the largest."""
    return float(np.partition(margins, -_TAIL_DRAWS)[-_TAIL_DRAWS:].mean() - margins.mean())
