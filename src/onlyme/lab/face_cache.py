"""Keep aligned faces in files that are mapped into memory, so that each photo is read once.

A folder of people is kept in shards of a few hundred people each:

    KEY.npy   uint8[n, S, S, 3], the faces, of which only the needed ones are in memory
    KEY.npz   names, numbers of photos, hashes of the faces, and what was left out

KEY is a hash of the names, sizes and times of the photo files, and of what aligned them. A photo
that changed makes another key, so that its shard is read again; a reading that was cut short goes
on after its last whole shard. The files hold faces; only their user can read them.
"""

from __future__ import annotations

import hashlib
import mmap
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.lab.resume import DAMAGE
from onlyme.storage.files import make_folder, open_draft

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FaceCache", "Shard", "forget_pages", "hash_faces"]


Shard = tuple[list[str], list["NDArray[np.uint8]"], list[str], list["NDArray[np.uint64]"]]
"""Names of people, uint8[k, S, S, 3] of each, what was left out, and uint64[k] of each."""


def hash_faces(faces: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return a short hash of each face: uint64[n] for uint8[n, S, S, 3].

    >>> hash_faces(np.zeros((2, 4, 4, 3), np.uint8)).dtype
    dtype('uint64')
    """
    digests = b"".join(hashlib.sha256(face.tobytes()).digest()[:8] for face in faces)
    return np.frombuffer(digests, np.uint64)


class FaceCache:
    """A folder of shards.

    Args:
        folder: its path; created when the first shard is stored.
        made_by: names what aligned the faces; with another name all photos are read again.
    """

    def __init__(self, folder: Path, made_by: str) -> None:
        self._folder, self._made_by = folder, made_by

    def name_shard(self, people: Sequence[tuple[Path, list[Path]]]) -> Path:
        """Return where the shard of these people and photo files is kept, without a suffix."""
        digest = hashlib.sha256(self._made_by.encode())
        for person, files in people:
            digest.update(f"\0{person.name}\0".encode())
            for file in files:
                status = file.stat()
                digest.update(f"{file.name}\0{status.st_size} {status.st_mtime_ns}\0".encode())
        return self._folder / digest.hexdigest()[:32]

    def find(self, stem: Path) -> Shard | None:
        """Open a shard; None when it is missing or damaged, so that the photos are read."""
        try:
            content = BytesIO(stem.with_suffix(".npz").read_bytes())
            with np.load(content, allow_pickle=False) as index:
                names, skipped = index["names"].tolist(), index["skipped"].tolist()
                places, hashes = np.cumsum(index["counts"])[:-1], index["hashes"]
            if not len(hashes):
                return [], [], skipped, []
            faces = np.load(stem.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
            if len(faces) != len(hashes):
                return None
        except DAMAGE:
            return None
        return names, _split(faces, places), skipped, _split(hashes, places)

    def store(self, stem: Path, shard: Shard) -> None:
        """Write the faces, then the index: when that is there, the shard is whole."""
        names, faces, skipped, hashes = shard
        make_folder(self._folder)
        with open_draft(stem.with_suffix(".npy")) as file:
            np.save(file, np.concatenate(faces) if faces else np.empty((0, 0, 0, 3), np.uint8))
        with open_draft(stem.with_suffix(".npz")) as file:
            np.savez(
                file,
                names=np.array(names, np.str_),
                counts=np.array([len(mine) for mine in faces], np.int64),
                hashes=np.concatenate(hashes) if hashes else np.empty(0, np.uint64),
                skipped=np.array(skipped, np.str_),
            )


def forget_pages(faces: Sequence[NDArray[np.uint8]]) -> None:
    """Give memory back that holds read parts of mapped files; other arrays stay as they are.

    The system keeps the pages while it has memory for them, but they are no longer this process's.
    """
    maps = {id(base): base for base in map(_find_map, faces) if base is not None}
    for base in maps.values():
        if hasattr(mmap, "MADV_DONTNEED"):  # Linux, macOS
            base.madvise(mmap.MADV_DONTNEED)


def _find_map(array: object) -> mmap.mmap | None:
    while isinstance(array, np.ndarray):
        array = array.base
    return array if isinstance(array, mmap.mmap) else None


def _split(rows: NDArray[Any], places: NDArray[np.int64]) -> list[NDArray[Any]]:
    return [np.asarray(part) for part in np.split(rows, places)]
