"""Read folders of photos into arrays of aligned faces.

The caller decides how a file becomes an aligned face (`FaceLoader`): the lab never decodes
a picture and never detects a face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from onlyme.errors import OnlymeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "MIN_ME_PHOTOS",
    "FaceLoader",
    "Photos",
    "count_shared",
    "list_photo_files",
    "read_folder",
    "read_photos",
]

MIN_ME_PHOTOS = 2
"""A triplet needs two different photos of the owner."""

_SAME_LEVELS = 1.5
"""Mean difference of two small pictures, in levels of 255, up to which they are the same."""

PHOTO_FILE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


FaceLoader: TypeAlias = "Callable[[Path], NDArray[np.uint8]]"
"""Turns the file of a photo into an aligned face, uint8[S, S, 3], RGB, with the same S for every
photo. It raises an OnlymeError when the photo cannot be used."""


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """The photos that a network is trained on.

    Attributes:
        me: uint8[m, S, S, 3], RGB, m ≥ 2.
        not_me: uint8[n, S, S, 3], RGB, n ≥ 1.
        skipped: one sentence for each photo that could not be used.

    Raises:
        UsageError: when the arrays have another type or shape, or hold too few photos.

    >>> Photos(np.zeros((2, 8, 8, 3), np.uint8), np.ones((1, 8, 8, 3), np.uint8)).triplets
    2
    """

    me: NDArray[np.uint8]
    not_me: NDArray[np.uint8]
    skipped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        notes = "".join(f"\n  {note}" for note in self.skipped)
        if len(self.me) < MIN_ME_PHOTOS:
            count = "1 usable photo" if len(self.me) == 1 else f"{len(self.me)} usable photos"
            raise UsageError(
                f"only {count} of ME; a triplet needs {MIN_ME_PHOTOS} "
                f"different ones, and five or more work better{notes}"
            )
        if not len(self.not_me):
            raise UsageError(
                f"no usable photo of NOT_ME; a triplet needs 1, and ten or more work better{notes}"
            )
        for what, images in (("ME", self.me), ("NOT_ME", self.not_me)):
            if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
                given = f"{images.dtype}{list(images.shape)}"
                raise UsageError(f"{what} photos must be uint8[n, S, S, 3], not {given}")
        if self.me.shape[1:] != self.not_me.shape[1:] or self.size != self.me.shape[2]:
            raise UsageError("ME and NOT_ME photos must be squares of the same size")

    @property
    def size(self) -> int:
        """Side of the photos in pixels."""
        return int(self.me.shape[1])

    @property
    def triplets(self) -> int:
        """Number of triplets: m·(m−1)·n."""
        return len(self.me) * (len(self.me) - 1) * len(self.not_me)


def list_photo_files(folder: Path) -> list[Path]:
    """Return the photo files of a folder in the order of their names.

    Raises:
        UsageError: when the folder does not exist.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; give a folder of photos")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTO_FILE_SUFFIXES)


def read_photos(me: Path, not_me: Path, load: FaceLoader) -> Photos:
    """Read two folders of photos.

    Raises:
        UsageError: when a folder does not exist or holds too few usable photos, or a picture is
            in both; the message gives the reason for each photo.
    """
    mine, bad_mine = read_folder(list_photo_files(me), load)
    others, bad_others = read_folder(list_photo_files(not_me), load)
    photos = Photos(mine, others, (*bad_mine, *bad_others))
    if both := count_shared(mine, others):
        raise UsageError(
            f"{both} of the NOT_ME photos in {not_me} are also ME photos in {me}; no photo can be "
            "both, so that there is nothing to learn: take them out of one folder"
        )
    return photos


def count_shared(mine: NDArray[np.uint8], others: NDArray[np.uint8]) -> int:
    """Return the number of the other faces that are the same picture as one of mine."""
    small = [_shrink(face) for face in mine]
    return sum(_find_same(_shrink(face), small) is not None for face in others)


def _find_same(small: NDArray[np.float32], others: list[NDArray[np.float32]]) -> int | None:
    """Return the number of the first face that is the same picture, saved again perhaps."""
    for number, other in enumerate(others):
        if other.shape == small.shape and np.abs(small - other).mean() <= _SAME_LEVELS:
            return number
    return None


def _shrink(face: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the mean colours of about 16×16 fields: what saving a picture again leaves alone."""
    step = max(1, len(face) // 16)
    fields = face[: len(face) // step * step, : len(face) // step * step].astype(np.float32)
    side = len(fields) // step
    return np.asarray(fields.reshape(side, step, side, step, 3).mean((1, 3)), np.float32)


def read_folder(paths: Iterable[Path], load: FaceLoader) -> tuple[NDArray[np.uint8], list[str]]:
    """Read photos, and skip those that cannot be used or show a picture once more.

    Returns:
        uint8[n, S, S, 3], and a sentence for each skipped photo.
    """
    images: list[NDArray[np.uint8]] = []
    names: list[str] = []
    small: list[NDArray[np.float32]] = []
    skipped: list[str] = []
    for path in paths:
        try:
            image = load(path)
        except OnlymeError as error:
            skipped.append(str(error))
            continue
        small.append(_shrink(image))
        if (same := _find_same(small[-1], small[:-1])) is not None:
            small.pop()
            skipped.append(f"{path}: is the same picture as {names[same]}")
            continue
        images.append(image)
        names.append(path.name)
    if not images:
        return np.empty((0, 0, 0, 3), np.uint8), skipped
    return np.stack(images), skipped
