"""Read a folder of people, and draw batches in which every person weighs the same.

    DIR/ada/1.jpg  DIR/ada/2.jpg  …  DIR/bob/1.jpg  …

A batch holds P people with K photos each (Hermans, Beyer, Leibe: In Defense of the
Triplet Loss, 2017), so that each photo meets photos of the same person and of others.
"""

from __future__ import annotations

import hashlib
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
        names: one name for each person.
        faces: for each person uint8[k, S, S, 3], RGB.
        skipped: one sentence for each photo that could not be used.
    """

    names: tuple[str, ...]
    faces: tuple[NDArray[np.uint8], ...]
    skipped: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A hash of the names and the faces."""
        digest = hashlib.sha256()
        for name, faces in zip(self.names, self.faces, strict=True):
            digest.update(f"{name}\0{faces.shape}\0".encode())
            digest.update(faces.tobytes())
        return digest.hexdigest()

    def list_notes(self) -> list[str]:
        """Say what training on these people leaves out, and what looks wrong."""
        notes = [f"left out: {note}" for note in self.skipped]
        alone = sum(len(faces) == 1 for faces in self.faces)
        if alone:
            notes.append(
                f"{alone} of {len(self.names)} people have one usable photo; a network learns from "
                "people with two or more"
            )
        return notes + [f"{a} and {b} hold the same picture" for a, b in self._find_doubles()]

    def _find_doubles(self) -> list[tuple[str, str]]:
        seen: dict[bytes, str] = {}
        doubles = []
        for name, faces in zip(self.names, self.faces, strict=True):
            for face in faces:
                other = seen.setdefault(hashlib.sha256(face.tobytes()).digest(), name)
                if other != name:
                    doubles.append((other, name))
        return doubles

    def select_by_photos(self, photos: int) -> People:
        """Return the people with at least this number of photos."""
        return self.select(np.array([len(faces) >= photos for faces in self.faces], np.bool_))

    def select(self, chosen: NDArray[np.bool_]) -> People:
        """Return the people that are chosen.

        Args:
            chosen: bool[n], one for each person.
        """
        places = np.flatnonzero(chosen).tolist()
        return People(
            tuple(self.names[place] for place in places),
            tuple(self.faces[place] for place in places),
            self.skipped,
        )


def read_people(folder: Path, load: FaceLoader, max_photos: int = 0) -> People:
    """Read a folder that holds one folder for each person.

    Args:
        folder: holds a folder for each person.
        load: turns a photo's file into an aligned face.
        max_photos: read no more photos than this of each person; 0 for all.

    Raises:
        UsageError: when the folder does not exist or holds no usable person.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; give a folder with one folder for each person")
    names: list[str] = []
    faces: list[NDArray[np.uint8]] = []
    skipped: list[str] = []
    for person in sorted(path for path in folder.iterdir() if path.is_dir()):
        person_faces, notes = read_folder(list_photo_files(person)[: max_photos or None], load)
        skipped += notes
        if len(person_faces):
            names.append(person.name)
            faces.append(person_faces)
    if not names:
        raise UsageError(
            f"{folder} holds no folder with usable photos; put one folder for each person into it"
        )
    return People(tuple(names), tuple(faces), tuple(skipped))


class IdentitySampler:
    """Draws identity-balanced batches; the same seed and step give the same batch.

    In a distributed run every process draws the whole batch and takes its share of it. The
    processes need not exchange the draw, and many of them together see the same batch as one
    process alone.

    Args:
        people: people with two photos or more; others are left out.
        count: P, people in a batch.
        photos: K, photos of each person in a batch.
        seed: seed of the draws.
        uniform: draw photos and not people, so that people with many photos weigh more.
        singles: keep people with one photo.

    Attributes:
        faces: uint8[n, S, S, 3].
        labels: int64[n], the number of each face's person, from 0.
        people: number of people.

    Raises:
        UsageError: when there are fewer than P people with two photos.

    >>> faces = tuple(np.zeros((2, 4, 4, 3), np.uint8) for _ in range(3))
    >>> batches = IdentitySampler(People(("a", "b", "c"), faces), 2, 2)
    >>> np.bincount(batches.labels[batches.draw_batch(step=0)]).max()
    np.int64(2)
    """

    def __init__(
        self,
        people: People,
        count: int,
        photos: int,
        seed: int = 0,
        *,
        uniform: bool = False,
        singles: bool = False,
    ) -> None:
        usable = people if singles else people.select_by_photos(2)
        if count < 2 or photos < 2:
            raise UsageError("a batch needs at least two people, with at least two photos of each")
        if len(usable.names) < count and not singles:
            raise UsageError(
                f"a batch needs {count} people, but only {len(usable.names)} have two usable "
                "photos or more; add people, or make the batch smaller"
            )
        self.faces = np.concatenate(usable.faces)
        self.labels = np.repeat(np.arange(len(usable.faces)), [len(f) for f in usable.faces])
        self._starts = np.concatenate([[0], np.cumsum([len(f) for f in usable.faces])])
        self.people = len(usable.faces)
        self._count, self._photos, self._seed, self._uniform = count, photos, seed, uniform

    @property
    def size(self) -> int:
        """Number of photos in a batch, P·K."""
        return self._count * self._photos

    def draw_batch(self, step: int, rank: int = 0, world: int = 1) -> NDArray[np.int64]:
        """Return the indices of the photos in a process's share of a batch.

        Of a person with fewer than K photos, some are in the batch more than once.

        Args:
            step: number of the batch.
            rank: number of the process, from 0.
            world: number of processes; P·K is a multiple of it.
        """
        source = np.random.default_rng((self._seed, step))
        if self._uniform:
            few = len(self.labels) < self.size
            return source.choice(len(self.labels), self.size, replace=few)[rank::world]
        chosen = source.choice(len(self._starts) - 1, self._count, replace=False)
        picks = []
        for person in chosen:
            first, last = self._starts[person], self._starts[person + 1]
            few = last - first < self._photos
            picks.append(source.choice(np.arange(first, last), self._photos, replace=bool(few)))
        return np.concatenate(picks)[rank::world]
