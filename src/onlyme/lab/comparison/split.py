"""Split many people into the training photos and the test photos of each owner.

No photo is in both: strangers who are trained on are tested with another photo of theirs,
and unseen strangers are never trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError
from onlyme.lab.photos import Photos

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from onlyme.lab.comparison.plan import Plan
    from onlyme.lab.people import People

__all__ = ["MIN_HELD_OUT_PHOTOS", "Split", "make_splits", "select_unused"]

MIN_HELD_OUT_PHOTOS = 4
"""Smallest number of photos of an owner beside those that are trained on."""

MAX_HELD_OUT_PHOTOS = 15
"""Largest number of an owner's photos that are tested."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The photos for one owner and one number of training photos.

    Attributes:
        owner: the owner's name.
        photos: the training photos.
        held: uint8[h, S, S, 3]: held-out photos of the owner; the same for every number of
            training photos.
        trained: uint8[n, S, S, 3]: another photo of each stranger who is trained on.
        unseen: uint8[u, S, S, 3]: one photo of each stranger who is not trained on.
    """

    owner: str
    photos: Photos
    held: NDArray[np.uint8]
    trained: NDArray[np.uint8]
    unseen: NDArray[np.uint8]

    @property
    def tested(self) -> tuple[NDArray[np.uint8], ...]:
        """The faces of `result.GROUPS`, in that order."""
        return self.held, self.trained, self.unseen


def make_splits(people: People, plan: Plan) -> Iterator[Split]:
    """Draw owners, strangers and photos, and yield each owner with each number of photos.

    Raises:
        UsageError: when there are not enough people or photos.
    """
    most = max(plan.photos)
    source = np.random.default_rng(plan.seed)
    order = [int(index) for index in source.permutation(len(people.names))]
    owners = _choose_owners(people, plan, order)
    if len(owners) < plan.owners:
        raise UsageError(
            f"people with at least {most + MIN_HELD_OUT_PHOTOS} usable photos ({most} to train on, "
            f"{MIN_HELD_OUT_PHOTOS} to test with): {len(owners)}; owners asked for: {plan.owners}; "
            "lower --owners or --photos, or add photos"
        )
    for owner in owners[: plan.owners]:
        known, unseen = _choose_strangers(people, plan, order, owner)
        if len(known) < plan.strangers or not unseen:
            raise UsageError(
                f"there are too few people beside {people.names[owner]}: {plan.strangers} with "
                "two photos and one more are needed; lower --strangers, or add people"
            )
        mine = people.faces[owner][source.permutation(len(people.faces[owner]))]
        for count in plan.photos:
            yield Split(
                owner=people.names[owner],
                photos=Photos(mine[:count], np.stack([people.faces[i][0] for i in known])),
                held=mine[most : most + MAX_HELD_OUT_PHOTOS],
                trained=np.stack([people.faces[i][1] for i in known]),
                unseen=np.stack([people.faces[i][0] for i in unseen]),
            )


def select_unused(people: People, plan: Plan) -> People:
    """Return the people who are neither owners nor strangers of any owner."""
    order = [
        int(index) for index in np.random.default_rng(plan.seed).permutation(len(people.names))
    ]
    used: set[int] = set()
    for owner in _choose_owners(people, plan, order)[: plan.owners]:
        known, unseen = _choose_strangers(people, plan, order, owner)
        used |= {owner, *known, *unseen}
    return people.select(np.array([i not in used for i in range(len(people.names))], np.bool_))


def _choose_owners(people: People, plan: Plan, order: list[int]) -> list[int]:
    needed = max(plan.photos) + MIN_HELD_OUT_PHOTOS
    return [i for i in order if len(people.faces[i]) >= needed]


def _choose_strangers(
    people: People, plan: Plan, order: list[int], owner: int
) -> tuple[list[int], list[int]]:
    """Return the strangers who are trained on, and those who are only tested."""
    others = [i for i in order if i != owner]
    known = [i for i in others if len(people.faces[i]) >= 2][: plan.strangers]
    return known, [i for i in others if i not in known][: plan.unseen]
