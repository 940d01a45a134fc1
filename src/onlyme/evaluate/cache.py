"""Embed photos once, and store the embeddings for later runs.

**The cache is biometric data.** An embedding identifies a person as the photo
does. Only the user can enter the folder (0700) and read the files (0600), no
photo or person is named in it (the key is the SHA-256 of the photo's bytes),
and `erase_cache` removes it. A file that cannot be used is ignored and
replaced: the cache only saves time.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import ImageError, UsageError
from onlyme.storage.files import make_folder, open_draft, open_regular
from onlyme.types import MAX_UNIT_LENGTH_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["EmbeddingCache", "embed_files", "embed_many_files", "erase_cache"]

_MODEL = re.compile(r"[0-9a-f]{64}")
_SAVE_EVERY_PHOTOS = 500  # a run that is killed loses at most these

FileEmbedder = Callable[[Path], "NDArray[np.float32] | None"]
ManyFilesEmbedder = Callable[[Sequence[Path]], "Iterator[tuple[Path, NDArray[np.float32] | None]]"]


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingCache:
    """The embeddings of a list of photos.

    Attributes:
        vectors: float32[n, d], unit length, one row for each photo with a face.
        rows: intp[n], which photo of the list each row belongs to.
        unusable: positions of the photos without an embedding.
        computed: the number of photos that were not in the cache.
    """

    vectors: NDArray[np.float32] = field(repr=False)
    rows: NDArray[np.intp] = field(repr=False)
    unusable: tuple[int, ...]
    computed: int


def embed_files(
    paths: Sequence[Path],
    embed: FileEmbedder,
    *,
    model: str,
    folder: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> EmbeddingCache:
    """Embed photos; read the embeddings of photos of an earlier run from the cache.

    Args:
        paths: of the photos.
        embed: returns float32[d] of unit length, or None when there is no
            usable face. An ImageError counts as None.
        model: sha256 (hex) of all that makes the embeddings: the network, and
            what finds and aligns the faces. Each model has a file of its own.
        folder: of the cache; None stores nothing.
        progress: called with `("embeddings", done, total)` after every photo.

    Raises:
        UsageError: when the model is not a hash, a photo cannot be opened, the
            folder cannot be written, or `embed` returns a vector of another length.
    """

    def run(wanted: Sequence[Path]) -> Iterator[tuple[Path, NDArray[np.float32] | None]]:
        for path in wanted:
            try:
                yield path, embed(path)
            except ImageError:
                yield path, None

    return embed_many_files(paths, run, model=model, folder=folder, progress=progress)


def embed_many_files(
    paths: Sequence[Path],
    run: ManyFilesEmbedder,
    *,
    model: str,
    folder: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> EmbeddingCache:
    """Embed photos as `embed_files` does, by what embeds many of them at the same time.

    Args:
        paths: of the photos.
        run: is given the paths of photos, and yields each of them, in any order, with its
            float32[d] or None.
        model: as for `embed_files`.
        folder: as there.
        progress: as there.

    Raises:
        UsageError: as there.
    """
    file = None if folder is None else _locate_cache(folder, model)
    known = _load(file) if file else {}
    keys = [_hash(path) for path in paths]
    wanted = {key: path for key, path in zip(keys, paths, strict=True) if key not in known}
    key_of = {path: key for key, path in wanted.items()}
    done = computed = 0

    def report(count: int) -> None:
        nonlocal done
        for _ in range(count):
            done += 1
            if progress:
                progress("embeddings", done, len(paths))

    report(sum(key not in wanted for key in keys))
    counts = Counter(keys)
    try:
        for path, vector in run(list(key_of)):
            key = key_of.pop(path)
            known[key] = _check(vector, path)
            computed += 1
            if file and computed % _SAVE_EVERY_PHOTOS == 0:
                _save(file, known)
            report(counts[key])
    finally:  # also when the run is interrupted
        if file and computed:
            _save(file, known)
    found = [known[key] for key in keys]
    rows = [row for row, vector in enumerate(found) if vector is not None]
    vectors = [vector for vector in found if vector is not None]
    if len({vector.size for vector in vectors}) > 1:
        raise UsageError(f"the cache {file} mixes vectors of different length; erase it")
    return EmbeddingCache(
        np.stack(vectors) if vectors else np.empty((0, 0), np.float32),
        np.array(rows, dtype=np.intp),
        tuple(row for row, vector in enumerate(found) if vector is None),
        computed,
    )


def erase_cache(folder: Path) -> int:
    """Remove every cached embedding from a folder; return the number of files removed.

    Other files in the folder stay.

    Raises:
        UsageError: when one of them cannot be removed.
    """
    removed = 0
    for file in folder.glob("*.npz*") if folder.is_dir() else ():
        if not _MODEL.fullmatch(file.name.split(".")[0]):
            continue
        try:
            file.unlink()
        except OSError as error:
            raise UsageError(f"{file} cannot be removed: {error.strerror}") from None
        removed += 1
    return removed


def _locate_cache(folder: Path, model: str) -> Path:
    if not _MODEL.fullmatch(model):
        raise UsageError("name a model by the sha256 of its file, 64 hex digits")
    return folder / f"{model}.npz"


def _hash(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


def _check(vector: NDArray[np.float32] | None, path: Path) -> NDArray[np.float32] | None:
    if vector is None:
        return None
    vector = np.asarray(vector, dtype=np.float32)
    if vector.ndim != 1 or not abs(float(np.linalg.norm(vector)) - 1.0) < MAX_UNIT_LENGTH_ERROR:
        raise UsageError(f"{path}: the embedding is not a vector of unit length")
    return vector


def _load(file: Path) -> dict[bytes, NDArray[np.float32] | None]:
    """Read the cache; return nothing when it is not exactly what `_save` writes."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            keys, faces, vectors = stored["keys"], stored["faces"], stored["vectors"]
    except Exception:  # noqa: BLE001 - numpy passes on any error of its zip, token and header readers
        return {}
    if (
        keys.dtype != np.uint8
        or faces.dtype != np.bool_
        or vectors.dtype != np.float32
        or keys.shape != (faces.size, 32)
        or vectors.ndim != 2
        or vectors.shape[0] != faces.sum()
        or not (np.abs(np.linalg.norm(vectors, axis=1) - 1.0) < MAX_UNIT_LENGTH_ERROR).all()
    ):
        return {}
    rows = iter(vectors)
    return {bytes(key): next(rows) if face else None for key, face in zip(keys, faces, strict=True)}


def _save(file: Path, known: dict[bytes, NDArray[np.float32] | None]) -> None:
    """Write the whole cache beside the old one, then put it in its place."""
    keys = np.frombuffer(b"".join(known), np.uint8).reshape(-1, 32)
    faces = np.array([vector is not None for vector in known.values()])
    kept = [vector for vector in known.values() if vector is not None]
    vectors = np.stack(kept) if kept else np.empty((0, 1), np.float32)
    try:
        make_folder(file.parent)
        with open_draft(file) as stream:
            np.savez(stream, keys=keys, faces=faces, vectors=vectors)
    except OSError as error:
        raise UsageError(f"the cache {file.parent} cannot be written: {error.strerror}") from None
