"""Find faces of one person: two names in a gallery, and visits of people without a name.

For visits the groups so far are taken as the people of a gallery: a visit joins the one group that
it matches, begins a new one where it matches none, and stays apart where it is ambiguous. So a
visit is put with another person's at most at the rate `fpir`, as a stranger is taken for an
enrolled person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from onlyme.gallery.identify import LEAD_MARGIN, compute_shared_far
from onlyme.siamese.distance import measure_distances, normalize
from onlyme.types import MIN_FAR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from onlyme.gallery.gallery import Gallery, GalleryPerson
    from onlyme.siamese.head import Base
    from onlyme.siamese.owner import Owner

__all__ = ["MAX_EXAMPLES", "DuplicatePair", "FaceGroups", "find_duplicates", "group_faces"]

_BATCH_PEOPLE = 256

_NEAREST_PEOPLE = 4
"""The nearest people that are compared, the person among them: few are enrolled four times."""

_MAX_LIMIT_FAR = 1e-4
"""Pairs are never reported at a false accept rate above this."""

MAX_EXAMPLES: Final = 24
"""Embeddings that make a group's template; further ones would move it little."""


_NEAREST_GROUPS: Final = 8
"""The nearest groups that are compared in full, as of the people of a gallery."""


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
    gallery: Gallery,
    names: list[str],
    progress: Callable[[str, int, int], None] | None = None,
    *,
    owners: Sequence[Owner] = (),
) -> Iterator[DuplicatePair]:
    """Compare some people with all people of a gallery, and yield pairs that look like one.

    The limit follows from the number of pairs: expect about one pair of different people in the
    answer, and nine in ten of the pairs that are one person. A person should check each pair.

    Args:
        gallery: all people.
        names: those to compare with all people.
        progress: called with `twins`, the names compared so far, and all names.
        owners: people in the vault, to compare the names with as well.
    """
    base = gallery.base
    others_of_each = len(gallery) - 1 + len(owners)
    if base.curve is None or others_of_each < 1:
        return
    pairs = len(names) * others_of_each
    limit = min(max(1.0 / max(pairs, 1), MIN_FAR), _MAX_LIMIT_FAR)
    rule = base.stranger_rule
    reported = set()
    for start in range(0, len(names), _BATCH_PEOPLE):
        people = list(gallery.get(names[start : start + _BATCH_PEOPLE]).values())
        if not people:
            continue
        for owner in owners:
            yield from _compare_with_owner(owner, people, limit)
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


def _compare_with_owner(
    owner: Owner, people: Sequence[GalleryPerson], limit: float
) -> Iterator[DuplicatePair]:
    """Yield the people whose photos an owner's rule takes for the owner: most photos of each."""
    for person in people:
        margins = np.sort(owner.margins(person.me))
        far = owner.learned.far_at(float(margins[(len(margins) - 1) // 2]))
        if far is not None and far <= limit and owner.name != person.name:
            first, second = sorted((owner.name, person.name))
            yield DuplicatePair(first, second, far)


@dataclass(frozen=True, slots=True)
class FaceGroups:
    """Which faces belong together, as positions in the list that was given.

    Attributes:
        groups: each a list of faces of one person, in their order.
        ambiguous: faces that match two groups about as well.
    """

    groups: list[list[int]] = field(default_factory=list)
    ambiguous: list[int] = field(default_factory=list)


class _Templates:
    """The groups' templates in head space, as one matrix."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._heads: list[NDArray[np.float32]] = []
        self._matrix = np.empty((0, 0), np.float32)
        self._centres = np.empty(0)

    def __len__(self) -> int:
        return len(self._heads)

    def put(self, group: int, heads: NDArray[np.float32]) -> None:
        """Add the faces of a visit, float32[n, r], to a group, or begin it."""
        if group == len(self._heads):
            self._heads.append(heads[:MAX_EXAMPLES])
            if group >= len(self._matrix):
                more = max(64, group)
                rows = np.zeros((more, heads.shape[1]), np.float32)
                self._matrix = np.concatenate([self._matrix, rows]) if group else rows
                self._centres = np.concatenate([self._centres, np.zeros(more)])
        else:
            self._heads[group] = np.concatenate([self._heads[group], heads])[:MAX_EXAMPLES]
        template = normalize(self._heads[group].mean(axis=0))[None]
        self._matrix[group] = template[0]
        self._centres[group] = self._base.measure_centres(template)[0]

    def measure_leads(self, heads: NDArray[np.float32], far: float) -> NDArray[np.float64]:
        """Return by how much the visit exceeds the alpha of each group; −∞ for far ones."""
        count = len(self)
        not_me = self._base.stranger_rule.measure_distance(heads)
        margins = np.sort(not_me[:, None] - measure_distances(heads, self._matrix[:count]), axis=0)
        z = margins[(len(margins) - 1) // 2] - self._centres[:count]
        leads = np.full(count, -np.inf)
        assert self._base.curve is not None  # noqa: S101 - for the type checker; the rate was computed
        for group in np.argsort(-z)[:_NEAREST_GROUPS]:
            leads[group] = z[group] - self._base.curve.z_at(far, len(self._heads[group]))
        return leads


def group_faces(base: Base, visits: Sequence[NDArray[np.float32]], fpir: float) -> FaceGroups:
    """Group visits by person.

    Args:
        base: of the network that made the embeddings.
        visits: float32[n, d], n ≥ 1, the embeddings of each visit's frames; the oldest first.
        fpir: how often a visit may be put with those of another person.

    Raises:
        NotCalibrated: the calibration does not reach this rate among this many groups.
    """
    found, templates = FaceGroups(), _Templates(base)
    for number, vectors in enumerate(visits):
        heads = base.project(vectors)
        group = _choose_group(base, templates, heads, fpir)
        if group is None:
            found.ambiguous.append(number)
            continue
        templates.put(group, heads)
        if group == len(found.groups):
            found.groups.append([])
        found.groups[group].append(number)
    return found


def _choose_group(
    base: Base, templates: _Templates, heads: NDArray[np.float32], fpir: float
) -> int | None:
    """Return the number of the group of a visit, a new one included; None where two are near."""
    if not len(templates):
        return 0
    leads = templates.measure_leads(heads, compute_shared_far(base, fpir, len(templates)))
    first = int(np.argmax(leads))
    if leads[first] < 0:
        return len(templates)
    leads[first], best = -np.inf, leads[first]
    return None if leads.max() > best - LEAD_MARGIN else first
