"""Read a folder of people, and draw batches in which every person weighs the same.

    DIR/ada/1.jpg  DIR/ada/2.jpg  …  DIR/bob/1.jpg  …

A batch holds P people with K photos each (Hermans, Beyer, Leibe: In Defense of the
Triplet Loss, 2017), so that each photo meets photos of the same person and of others.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError
from onlyme.lab.face_cache import forget_pages, hash_faces
from onlyme.lab.photos import list_photo_files, read_folder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.lab.face_cache import FaceCache, Shard
    from onlyme.lab.photos import FaceLoader

__all__ = ["IdentitySampler", "People", "read_people"]

_SHARD_PEOPLE = 256


@dataclass(frozen=True, eq=False)
class People:
    """Aligned faces of many people.

    Attributes:
        names: one name for each person.
        faces: for each person uint8[k, S, S, 3], RGB; in memory, or mapped from a file.
        skipped: one sentence for each photo that could not be used.
        known_hashes: `hashes`, where a cache knows them; empty for not known yet.
    """

    names: tuple[str, ...]
    faces: tuple[NDArray[np.uint8], ...]
    skipped: tuple[str, ...] = ()
    known_hashes: tuple[NDArray[np.uint64], ...] = ()

    @cached_property
    def hashes(self) -> tuple[NDArray[np.uint64], ...]:
        """For each person uint64[k], a short hash of each face."""
        return self.known_hashes or tuple(hash_faces(faces) for faces in self.faces)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of faces of each person."""
        return np.array([len(faces) for faces in self.faces], np.int64)

    @property
    def fingerprint(self) -> str:
        """A hash of the names and the faces."""
        digest = hashlib.sha256()
        for name, hashes in zip(self.names, self.hashes, strict=True):
            digest.update(f"{name}\0{len(hashes)}\0".encode())
            digest.update(hashes.tobytes())
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
        """Return pairs of people who share a picture."""
        hashes, owners = np.concatenate(self.hashes), np.repeat(np.arange(len(self)), self.counts)
        order = np.argsort(hashes, kind="stable")
        hashes, owners = hashes[order], owners[order]
        same = (hashes[1:] == hashes[:-1]) & (owners[1:] != owners[:-1])
        return [(self.names[owners[at]], self.names[owners[at + 1]]) for at in np.flatnonzero(same)]

    def find_known(self, known: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return bool[n]: the people one of whose faces has one of these hashes."""
        if not len(self):
            return np.empty(0, np.bool_)
        hits = np.isin(np.concatenate(self.hashes), known)
        return np.logical_or.reduceat(hits, np.cumsum(self.counts) - self.counts)

    def __len__(self) -> int:
        return len(self.names)

    def take_photos(self, most: int) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
        """Return uint8[n, S, S, 3], at most some faces of each person, and int[n], whose they are.

        With a few of each, no person weighs most.
        """
        faces = np.concatenate([mine[:most] for mine in self.faces])
        return faces, np.repeat(np.arange(len(self)), np.minimum(self.counts, most))

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
            tuple(self.known_hashes[place] for place in places if self.known_hashes),
        )


def read_people(
    folder: Path, load: FaceLoader, max_photos: int = 0, cache: FaceCache | None = None
) -> People:
    """Read a folder that holds one folder for each person.

    Args:
        folder: holds a folder for each person.
        load: turns a photo's file into an aligned face; several threads call it.
        max_photos: read no more photos than this of each person; 0 for all.
        cache: keeps the faces, which are then mapped and not in memory; None reads all photos.

    Raises:
        UsageError: when the folder does not exist or holds no usable person.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; give a folder with one folder for each person")
    album = sorted(path for path in folder.iterdir() if path.is_dir())
    names: list[str] = []
    faces: list[NDArray[np.uint8]] = []
    skipped: list[str] = []
    hashes: list[NDArray[np.uint64]] = []
    for first in range(0, len(album), _SHARD_PEOPLE):
        people = [
            (path, list_photo_files(path)[: max_photos or None])
            for path in album[first : first + _SHARD_PEOPLE]
        ]
        stem = cache.name_shard(people) if cache else None
        shard = cache.find(stem) if cache and stem else None
        if shard is None:
            shard = _read_shard(people, load)
            if cache and stem:
                cache.store(stem, shard)
                shard = cache.find(stem) or shard
        for total, part in zip((names, faces, skipped, hashes), shard, strict=True):
            total.extend(part)  # type: ignore[attr-defined]  # four lists of different things
    if not names:
        raise UsageError(
            f"{folder} holds no folder with usable photos; put one folder for each person into it"
        )
    return People(tuple(names), tuple(faces), tuple(skipped), tuple(hashes))


def _read_shard(people: list[tuple[Path, list[Path]]], load: FaceLoader) -> Shard:
    """Read the photos of some people, in several threads."""
    names, faces, skipped = [], [], []
    pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
    try:
        read = pool.map(lambda one: read_folder(one[1], load), people)
        for (path, _), (mine, notes) in zip(people, read, strict=True):
            skipped += notes
            if len(mine):
                names.append(path.name)
                faces.append(mine)
    finally:
        pool.shutdown(cancel_futures=True)
    return names, faces, skipped, [hash_faces(mine) for mine in faces]


class IdentitySampler:
    """Draws identity-balanced batches; the same seed and step give the same batch.

    In a distributed run every process draws the whole batch, so that they need not exchange it.

    Args:
        people: people with two photos or more; others are left out.
        count: P, people in a batch.
        photos: K, photos of each person in a batch.
        seed: seed of the draws.
        uniform: draw photos and not people, so that people with many photos weigh more.
        singles: keep people with one photo.

    Attributes:
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
        self._faces = usable.faces
        self.labels = np.repeat(np.arange(len(usable)), usable.counts)
        self._starts = np.concatenate([[0], np.cumsum(usable.counts)])
        self.people = len(usable.faces)
        self._count, self._photos, self._seed, self._uniform = count, photos, seed, uniform

    @property
    def size(self) -> int:
        """Number of photos in a batch, P·K."""
        return self._count * self._photos

    def read(self, chosen: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return uint8[k, S, S, 3], the faces of these indices."""
        people = self.labels[chosen]
        places = chosen - self._starts[people]
        faces = np.stack([self._faces[p][k] for p, k in zip(people, places, strict=True)])
        forget_pages([self._faces[person] for person in people])
        return faces

    def draw_batch(self, step: int) -> NDArray[np.int64]:
        """Return the indices of the photos in a batch: int64[P·K].

        Of a person with fewer than K photos, some are in the batch more than once.
        """
        source = np.random.default_rng((self._seed, step))
        if self._uniform:
            few = len(self.labels) < self.size
            return source.choice(len(self.labels), self.size, replace=few)
        chosen = source.choice(len(self._starts) - 1, self._count, replace=False)
        picks = []
        for person in chosen:
            first, last = self._starts[person], self._starts[person + 1]
            few = last - first < self._photos
            picks.append(source.choice(np.arange(first, last), self._photos, replace=bool(few)))
        return np.concatenate(picks)
