"""Read folders of photos into arrays of aligned faces.

The caller decides how a file becomes an aligned face (`FaceLoader`): the lab never decodes
a picture and never detects a face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from onlyme.errors import OnlymeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "MIN_ME_PHOTOS",
    "MIN_NOT_ME_PHOTOS",
    "FaceLoader",
    "Photos",
    "list_photo_files",
    "read_folder",
    "read_photos",
]

MIN_ME_PHOTOS = 2
"""A triplet needs two different photos of the owner."""

MIN_NOT_ME_PHOTOS = 1
"""A triplet needs one photo of another person."""

PHOTO_FILE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


class FaceLoader(Protocol):
    """Turns the file of a photo into an aligned face."""

    def __call__(self, path: Path) -> NDArray[np.uint8]:
        """Return uint8[S, S, 3], RGB, the same S for every photo.

        Raises:
            OnlymeError: when the photo cannot be used.
        """


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
        if len(self.not_me) < MIN_NOT_ME_PHOTOS:
            raise UsageError(
                f"no usable photo of NOT_ME; a triplet needs {MIN_NOT_ME_PHOTOS}, "
                f"and ten or more work better{notes}"
            )
        for what, images in (("ME", self.me), ("NOT_ME", self.not_me)):
            if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
                raise UsageError(
                    f"{what} photos must be uint8[n, S, S, 3], not {_describe_array(images)}"
                )
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
        UsageError: when a folder does not exist or holds too few usable photos; the message
            gives the reason for each photo.
    """
    mine, bad_mine = read_folder(list_photo_files(me), load)
    others, bad_others = read_folder(list_photo_files(not_me), load)
    return Photos(mine, others, (*bad_mine, *bad_others))


def read_folder(paths: Iterable[Path], load: FaceLoader) -> tuple[NDArray[np.uint8], list[str]]:
    """Read photos, and skip those that cannot be used.

    Returns:
        uint8[n, S, S, 3], and a sentence for each skipped photo.
    """
    images: list[NDArray[np.uint8]] = []
    skipped: list[str] = []
    for path in paths:
        try:
            images.append(load(path))
        except OnlymeError as error:
            skipped.append(str(error))
    if not images:
        return np.empty((0, 0, 0, 3), np.uint8), skipped
    return np.stack(images), skipped


def _describe_array(images: NDArray[np.uint8]) -> str:
    return f"{images.dtype}{list(images.shape)}"
