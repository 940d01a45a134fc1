"""A gallery comes in; pairs of people who look like one person under two names go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from onlyme.siamese.calibrate import compute_centre
from onlyme.siamese.distance import measure_distances
from onlyme.siamese.margin import NotMe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from onlyme.gallery.gallery import Gallery

__all__ = ["DuplicatePair", "find_duplicates"]

_BATCH_PEOPLE = 256

_NEAREST_PEOPLE = 4
"""So many of the nearest are looked at, the person among them: few are enrolled four times."""

_MAX_LIMIT_FAR, _MIN_LIMIT_FAR = 1e-4, 1e-10
"""The limit lies between these false accept rates."""


class DuplicatePair(NamedTuple):
    """Two names whose templates lie as near as those of one person.

    Attributes:
        name: the one.
        other: the other.
        far: how often two random people lie as near.
    """

    name: str
    other: str
    far: float


def find_duplicates(
    gallery: Gallery, names: list[str], progress: Callable[[str, int, int], None] | None = None
) -> Iterator[DuplicatePair]:
    """Compare some people with everybody in a gallery, and yield pairs that look like one.

    The limit follows from how many pairs are compared: about one pair of different people is
    to be expected in the answer, and nine in ten of the same. It is there to be looked at.

    Args:
        gallery: everybody.
        names: those to compare with everybody.
        progress: told how many of them were compared.
    """
    base = gallery.base
    if base.curve is None or len(gallery) < 2:
        return
    pairs = len(names) * (len(gallery) - 1)
    limit = min(max(1.0 / max(pairs, 1), _MIN_LIMIT_FAR), _MAX_LIMIT_FAR)
    rule = NotMe(base.cohort, base.cohort[:0], np.empty(0, np.float32), base.nearest)
    told = set()
    for start in range(0, len(names), _BATCH_PEOPLE):
        people = list(gallery.get(names[start : start + _BATCH_PEOPLE]).values())
        if not people:
            continue
        templates = np.stack([gallery.make_template(person) for person in people])
        drawn = base.draws_not_me - measure_distances(templates, base.draws)
        for one, template, margins, found in zip(
            people, templates, drawn, gallery.find_nearest(templates, _NEAREST_PEOPLE), strict=True
        ):
            others = [person for person in found if person.name != one.name]
            if not others:
                continue
            probes = np.stack([gallery.make_template(person) for person in others])
            z = rule.measure_distance(probes) - measure_distances(probes, template[None])[:, 0]
            z -= compute_centre(margins, base.project(one.me))
            for other, reached in zip(others, z.tolist(), strict=True):
                far = base.curve.far_at(reached, len(one.me))
                first, second = sorted((one.name, other.name))
                if far <= limit and (first, second) not in told:
                    told.add((first, second))
                    yield DuplicatePair(first, second, far)
        if progress:
            progress("twins", min(start + _BATCH_PEOPLE, len(names)), len(names))
