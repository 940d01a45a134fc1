"""A folder of people comes in; batches in which every person weighs the same go out.

    DIR/ada/1.jpg  DIR/ada/2.jpg  …  DIR/bob/1.jpg  …

A batch holds P people with K photos each (Hermans, Beyer, Leibe: In Defense of the
Triplet Loss, 2017), so that each photo has both its like and its unlike beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError
from onlyme.lab.photos import list_photo_files, read_folder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.lab.photos import FaceLoader

__all__ = ["IdentitySampler", "People", "read_people"]


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Aligned faces of many people.

    Attributes:
        names: one for each person.
        faces: for each person uint8[k, S, S, 3], RGB.
        skipped: one sentence for each photo that could not be used.
    """

    names: tuple[str, ...]
    faces: tuple[NDArray[np.uint8], ...]
    skipped: tuple[str, ...] = ()

    def select_by_photos(self, photos: int) -> People:
        """Return those people of whom there are so many photos."""
        kept = [index for index, faces in enumerate(self.faces) if len(faces) >= photos]
        return People(
            tuple(self.names[index] for index in kept),
            tuple(self.faces[index] for index in kept),
            self.skipped,
        )


def read_people(folder: Path, load: FaceLoader, most: int = 0) -> People:
    """Read a folder of folders, one a person.

    Args:
        folder: holds a folder for each person.
        load: turns a photo's file into an aligned face.
        most: read no more photos than this of a person; 0 for all.

    Raises:
        UsageError: when the folder is none, or holds nobody.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder of people")
    names: list[str] = []
    everyone: list[NDArray[np.uint8]] = []
    skipped: list[str] = []
    for person in sorted(path for path in folder.iterdir() if path.is_dir()):
        faces, notes = read_folder(list_photo_files(person)[: most or None], load)
        skipped += notes
        if len(faces):
            names.append(person.name)
            everyone.append(faces)
    if not names:
        raise UsageError(f"{folder} holds no folder with usable photos; one folder is one person")
    return People(tuple(names), tuple(everyone), tuple(skipped))


class IdentitySampler:
    """Identity-balanced batches, drawn by number: the same seed and step, the same batch.

    In a distributed run every process knows the whole batch and takes its share of it.
    No process has to be told, and one process sees what many see together.

    Args:
        people: with two photos or more; others are left out.
        count: P, people in a batch.
        photos: K, photos of each.
        seed: where chance comes from.

    Attributes:
        faces: uint8[n, S, S, 3].
        labels: int64[n], 0 to the number of people less one.

    Raises:
        UsageError: when there are fewer than P people with two photos.

    >>> faces = tuple(np.zeros((2, 4, 4, 3), np.uint8) for _ in range(3))
    >>> batches = IdentitySampler(People(("a", "b", "c"), faces), 2, 2)
    >>> np.bincount(batches.labels[batches.draw_batch(step=0)]).max()
    np.int64(2)
    """

    def __init__(self, people: People, count: int, photos: int, seed: int = 0) -> None:
        usable = people.select_by_photos(2)
        if count < 2 or photos < 2:
            raise UsageError("a batch needs two people or more, with two photos or more of each")
        if len(usable.names) < count:
            raise UsageError(
                f"{len(usable.names)} people with two usable photos or more, but {count} in a "
                "batch; give more people, or make the batch smaller"
            )
        self.faces = np.concatenate(usable.faces)
        self.labels = np.repeat(np.arange(len(usable.faces)), [len(f) for f in usable.faces])
        self._starts = np.concatenate([[0], np.cumsum([len(f) for f in usable.faces])])
        self._count, self._photos, self._seed = count, photos, seed

    @property
    def size(self) -> int:
        """Photos in a batch, P·K."""
        return self._count * self._photos

    def draw_batch(self, step: int, rank: int = 0, world: int = 1) -> NDArray[np.int64]:
        """Return which photos are in a process's share of a batch.

        A person with fewer than K photos is there with some of them twice.

        Args:
            step: the number of the batch.
            rank: which process, from 0.
            world: how many processes; divides P·K.
        """
        source = np.random.default_rng((self._seed, step))
        chosen = source.choice(len(self._starts) - 1, self._count, replace=False)
        picks = []
        for person in chosen:
            first, last = self._starts[person], self._starts[person + 1]
            few = last - first < self._photos
            picks.append(source.choice(np.arange(first, last), self._photos, replace=bool(few)))
        return np.concatenate(picks)[rank::world]
