"""Advise which photos would help most, and which of the present ones hurt.

A person who enrolled only from the front and in one light is not recognised from the side and in
the dark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onlyme.enrollment.photos import ADVISED_PHOTOS
from onlyme.types import MIN_FAR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onlyme.siamese.head import Base
    from onlyme.siamese.learning import PhotoValue
    from onlyme.siamese.owner import Owner
    from onlyme.types import PhotoReport, Quality

__all__ = ["SECOND_LOOK_ADVICE", "Coverage", "advise_on_photos", "advise_owner", "explain_raise"]

SIDE_YAW_DEGREES = 12.0
"""A head turned by more than this, in degrees, counts as turned to the side."""

DIM_BRIGHTNESS_PERCENT, BRIGHT_BRIGHTNESS_PERCENT = 35.0, 55.0
"""Mean brightness of a face, in %, below and above which a photo is dim or bright."""

HARMFUL_GAIN_DISTANCE = -0.005
"""A photo hurts when it moves the others this much farther from the template, in distance."""

MAX_MISSING_PHOTOS = 2
"""Missing photos named at once; a person who is told ten things does none of them."""


NOTABLE_RAISE_MARGIN = 0.02
"""Alpha raised by more than this is told, with the reason."""


SECOND_LOOK_ADVICE = (
    "a second look helps to recognise you when a picture is a close call, but it did not see all "
    "of these photos; enroll again with --replace, and you are rejected less often"
)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the photos of one enrollment show of a person.

    Attributes:
        left, right, front: photos turned to the person's own left, own right, or neither.
        dim, bright: photos in little, or in much light.
    """

    left: int
    right: int
    front: int
    dim: int
    bright: int

    @classmethod
    def count(cls, qualities: Sequence[Quality]) -> Coverage:
        """Count poses and light."""
        values = [{check.name: check.value for check in q.checks} for q in qualities]
        yaw = [value["yaw"] for value in values]
        light = [value["exposure"] for value in values]
        left, right = (
            sum(y > SIDE_YAW_DEGREES for y in yaw),
            sum(y < -SIDE_YAW_DEGREES for y in yaw),
        )
        dim, bright = (
            sum(v < DIM_BRIGHTNESS_PERCENT for v in light),
            sum(v > BRIGHT_BRIGHTNESS_PERCENT for v in light),
        )
        return cls(left, right, len(yaw) - left - right, dim, bright)

    def list_missing(self) -> list[str]:
        """Name the photos that are missing, the most helpful first."""
        missing = (
            (self.front, "one straight from the front"),
            (self.left, "one with the head turned a little to the left"),
            (self.right, "one with the head turned a little to the right"),
            (self.dim, "one in dim light"),
            (self.bright, "one in bright light"),
        )
        return [photo for count, photo in missing if not count]


def advise_owner(
    base: Base, owner: Owner, reports: Sequence[PhotoReport], *, added: bool
) -> tuple[str, ...]:
    """Advise an owner after an enrollment.

    Args:
        base: the head to judge photos with.
        owner: as learned now.
        reports: on the photos of this enrollment.
        added: whether the owner was enrolled before. What earlier photos show is not stored,
            so that it is not known which photos are missing.
    """
    from onlyme.siamese.learning import leave_one_out  # commands that only read do not need it

    taken = [report for report in reports if report.taken]
    values = leave_one_out(base, owner.examples.me, owner.examples.not_me)
    sentences = (
        *_advise_second_look(base, owner),
        *explain_raise(base, owner),
        *advise_on_photos(taken, values[-len(taken) :], complete=not added),
    )
    if len(owner.examples.me) < ADVISED_PHOTOS:
        return (_advise_more_photos(base, owner), *sentences)
    return sentences


def _advise_more_photos(base: Base, owner: Owner) -> str:
    """Say by how much more photos help at the same promise, as measured on other people."""
    advice = f"{ADVISED_PHOTOS} photos are advised: with more photos you are rejected less often"
    now, far = owner.learned.miss_at(owner.alpha, owner.second_rule), owner.far
    if now is None or far is None or base.curve is None or base.misses is None:
        return advice
    misses = base.misses if owner.second_rule is None else owner.second_rule.misses
    then = misses.miss_at(base.curve.z_at(max(far, MIN_FAR), ADVISED_PHOTOS), ADVISED_PHOTOS)
    if then.rate >= now.rate:
        return advice
    return (
        f"{advice}, in about {then.rate:.2%} of tries in place of {now.rate:.2%} at the same "
        f"promise (estimate from {then.people:,} and {now.people:,} other people)"
    )


def advise_on_photos(
    reports: Sequence[PhotoReport], values: Sequence[PhotoValue], *, complete: bool = True
) -> tuple[str, ...]:
    """Advise which photos would help most, and which hurt.

    Args:
        reports: of the photos that became part of the template.
        values: what each of them does for the others; empty where that is not known.
        complete: whether these are all photos of the person, so that missing ones can be named.

    Returns:
        Sentences for the owner; none when there is nothing to improve.
    """
    sentences = [
        f"{report.source} hurts: without it the other photos fit together better"
        for report, value in zip(reports, values, strict=False)
        if not math.isnan(value.helps) and value.helps < HARMFUL_GAIN_DISTANCE
    ]
    coverage = Coverage.count([report.quality for report in reports if report.quality is not None])
    if complete and (missing_photos := coverage.list_missing()[:MAX_MISSING_PHOTOS]):
        sentences.append("what would help most: " + ", or ".join(missing_photos))
    return tuple(sentences)


def _advise_second_look(base: Base, owner: Owner) -> tuple[str, ...]:
    """Say that enrolling again helps where earlier photos were seen by one network only."""
    if base.second is None or owner.second_rule is not None or owner.learned.has_owner_head:
        return ()
    return (SECOND_LOOK_ADVICE,)


def explain_raise(base: Base, owner: Owner) -> tuple[str, ...]:
    """Say where this owner's alpha had to be raised to keep the promise, why, and what helps."""
    # Commands that only read do not need these.
    from onlyme.siamese.calibrate import CAMERA_SHARE, NEIGHBOURS_SHARE, USUAL_NOT_ME_DISTANCE
    from onlyme.siamese.distance import normalize

    if not base.calibrated:
        return ()
    template = normalize(base.project(owner.examples.all_me).mean(axis=0))[None]
    camera = CAMERA_SHARE * float(base.effects.measure_excess(template)[0])
    near = float(base.stranger_rule.measure_distance(template)[0])
    neighbours = NEIGHBOURS_SHARE * (USUAL_NOT_ME_DISTANCE - near)
    sentences = []
    if camera > NOTABLE_RAISE_MARGIN:
        sentences.append(
            "these photos resemble those of a poor camera, so other people in front of it come "
            f"nearer: alpha was raised by {camera:.2f}, {_describe_cost(owner, camera)}. Sharp "
            "photos in good light would lower it again"
        )
    if neighbours > NOTABLE_RAISE_MARGIN:
        sentences.append(
            "many people look like these photos: alpha was raised by "
            f"{neighbours:.2f}, {_describe_cost(owner, neighbours)}. More photos help, and so do "
            "photos of people who look like you as NOT_ME (a relative, a colleague): when this "
            "was measured, of 151 photos of look-alikes that were accepted none was after one "
            "other photo of the same person had been taught"
        )
    return tuple(sentences)


def _describe_cost(owner: Owner, raised: float) -> str:
    """Say how much more often an owner is rejected where alpha is raised by a margin."""
    with_it = owner.learned.miss_at(owner.alpha + raised, owner.second_rule)
    without = owner.learned.miss_at(owner.alpha, owner.second_rule)
    if with_it is None or without is None:
        return "and you are rejected more often"
    return (
        f"and photos as most people have them are rejected in about {with_it.rate:.1%} of tries "
        f"in place of {without.rate:.1%} (estimate from {without.people:,} other people)"
    )
