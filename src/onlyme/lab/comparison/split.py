"""Many people come in; one owner's training photos and what to judge on go out.

Nobody is both: strangers who were trained on are judged by another photo of theirs, and
unseen strangers were never near the training.
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

    from onlyme.lab.people import People

__all__ = ["MIN_HELD_OUT_PHOTOS", "Split", "make_splits"]

MIN_HELD_OUT_PHOTOS = 4
"""An owner needs so many photos beside those that are trained on."""

MAX_HELD_OUT_PHOTOS = 15


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """One owner with a number of photos.

    Attributes:
        owner: the owner's name.
        photos: what is trained on.
        held: uint8[h, S, S, 3]: the owner's other photos; the same for every number.
        trained: uint8[n, S, S, 3]: another photo of each stranger who is trained on.
        unseen: uint8[u, S, S, 3]: one photo of each stranger who is not.
    """

    owner: str
    photos: Photos
    held: NDArray[np.uint8]
    trained: NDArray[np.uint8]
    unseen: NDArray[np.uint8]


def make_splits(
    people: People, owners: int, counts: tuple[int, ...], strangers: int, unseen: int, seed: int
) -> Iterator[Split]:
    """Draw owners, strangers and photos, and yield each owner with each number of photos.

    Args:
        people: everybody.
        owners: how many of them are owners in turn.
        counts: numbers of the owner's training photos, each ≥ 2.
        strangers: how many people are NOT_ME, with one photo each.
        unseen: how many others judge, at most.
        seed: of the draw.

    Raises:
        UsageError: when there are not enough people or photos.
    """
    most = max(counts)
    source = np.random.default_rng(seed)
    order = [int(index) for index in source.permutation(len(people.names))]
    rich = [i for i in order if len(people.faces[i]) >= most + MIN_HELD_OUT_PHOTOS]
    if len(rich) < owners:
        raise UsageError(
            f"{len(rich)} people with {most + MIN_HELD_OUT_PHOTOS} usable photos or more, but "
            f"{owners} "
            f"owners asked for ({most} photos to train on and {MIN_HELD_OUT_PHOTOS} to judge by)"
        )
    for owner in rich[:owners]:
        others = [i for i in order if i != owner]
        known = [i for i in others if len(people.faces[i]) >= 2][:strangers]
        rest = [i for i in others if i not in known][:unseen]
        if len(known) < strangers or not rest:
            raise UsageError(
                f"{strangers} strangers with two photos and one more are needed beside "
                f"{people.names[owner]}; there are too few people"
            )
        mine = people.faces[owner][source.permutation(len(people.faces[owner]))]
        for count in counts:
            yield Split(
                people.names[owner],
                Photos(mine[:count], np.stack([people.faces[i][0] for i in known])),
                mine[most : most + MAX_HELD_OUT_PHOTOS],
                np.stack([people.faces[i][1] for i in known]),
                np.stack([people.faces[i][0] for i in rest]),
            )
