"""Group faces of people without a name, by the rule and the rate of a gallery.

The groups so far are taken as the people of a gallery: a face joins the one group that it matches,
begins a new one where it matches none, and stays apart where it is ambiguous. So a visit is put
with another person's at most at the rate `fpir`, as a stranger is taken for an enrolled person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from onlyme.gallery.identify import LEAD_MARGIN, MAX_CANDIDATES, compute_shared_far
from onlyme.siamese.distance import measure_distances, normalize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onlyme.siamese.head import Base

__all__ = ["FaceGroups", "group_faces"]

MAX_EXAMPLES: Final = 24
"""Embeddings that make a group's template; further ones would move it little."""


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
        for group in np.argsort(-z)[:MAX_CANDIDATES]:
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
