"""Find pairs of people in a gallery who look like one person under two names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from onlyme.siamese.distance import measure_distances
from onlyme.types import MIN_FAR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from onlyme.gallery.gallery import Gallery

__all__ = ["DuplicatePair", "find_duplicates"]

_BATCH_PEOPLE = 256

_NEAREST_PEOPLE = 4
"""The nearest people that are compared, the person among them: few are enrolled four times."""

_MAX_LIMIT_FAR = 1e-4
"""Pairs are never reported at a false accept rate above this."""


class DuplicatePair(NamedTuple):
    """Two names whose templates lie as near as those of one person.

    Attributes:
        name: the first name, in alphabetical order.
        other: the second.
        far: how often two random people lie as near.
    """

    name: str
    other: str
    far: float


def find_duplicates(
    gallery: Gallery, names: list[str], progress: Callable[[str, int, int], None] | None = None
) -> Iterator[DuplicatePair]:
    """Compare some people with all people of a gallery, and yield pairs that look like one.

    The limit follows from the number of pairs: expect about one pair of different people in the
    answer, and nine in ten of the pairs that are one person. A person should check each pair.

    Args:
        gallery: all people.
        names: those to compare with all people.
        progress: called with `twins`, the names compared so far, and all names.
    """
    base = gallery.base
    if base.curve is None or len(gallery) < 2:
        return
    pairs = len(names) * (len(gallery) - 1)
    limit = min(max(1.0 / max(pairs, 1), MIN_FAR), _MAX_LIMIT_FAR)
    rule = base.stranger_rule
    reported = set()
    for start in range(0, len(names), _BATCH_PEOPLE):
        people = list(gallery.get(names[start : start + _BATCH_PEOPLE]).values())
        if not people:
            continue
        templates = np.stack([gallery.make_template(person) for person in people])
        centres = base.measure_centres(templates)
        for one, template, centre, found in zip(
            people,
            templates,
            centres,
            gallery.find_nearest(templates, _NEAREST_PEOPLE),
            strict=True,
        ):
            others = [person for person in found if person.name != one.name]
            if not others:
                continue
            probes = np.stack([gallery.make_template(person) for person in others])
            z = rule.measure_distance(probes) - measure_distances(probes, template[None])[:, 0]
            z -= centre
            for other, reached in zip(others, z.tolist(), strict=True):
                far = base.curve.far_at(reached, len(one.me))
                first, second = sorted((one.name, other.name))
                if far <= limit and (first, second) not in reported:
                    reported.add((first, second))
                    yield DuplicatePair(first, second, far)
        if progress:
            progress("twins", min(start + _BATCH_PEOPLE, len(names)), len(names))
