"""Give the lab aligned faces, frames and the product's decision.

The lab itself never decodes a picture and never detects a face, so it depends on no other
room.
"""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from onlyme.cli.progress import show_progress
from onlyme.errors import ImageError
from onlyme.lab.constants import FACE_SIDE_PIXELS, PUBLISHED_SIDE_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from numpy.typing import NDArray

    from onlyme import FaceID
    from onlyme.lab.annotate import AlignedFaceFinder
    from onlyme.lab.comparison.compare import ProductLearner
    from onlyme.lab.people import People
    from onlyme.lab.photos import FaceLoader, Photos
    from onlyme.types import Frame, Reason

__all__ = [
    "ProductScorer",
    "count_photos",
    "find_rate",
    "make_finder",
    "make_loader",
    "make_product_learner",
    "make_whole_finder",
    "read_album",
    "read_frames",
]

_RATE_FRAMES = 12
"""Number of frames whose times give the rate of a source."""

_USUAL_RATE = 25.0


def make_loader(*, whole: bool = False) -> FaceLoader:
    """Return a function that turns a photo file into an aligned face, or a small whole photo."""
    from onlyme.faceid.networks import make_pipeline
    from onlyme.settings import Settings

    parts = make_pipeline(Settings.load())
    find = make_finder()

    def load(path: Path) -> NDArray[np.uint8]:
        pixels = parts.decode(path).pixels
        if whole:
            return _shrink(pixels)
        found = find(pixels)
        if found is None:
            raise ImageError(str(path), "shows no face, or several of similar size")
        return found[1]

    return load


@contextmanager
def count_photos(load: FaceLoader) -> Iterator[FaceLoader]:
    """Yield the same loader, which shows on a terminal how many photos it has read."""
    numbers = itertools.count(1)
    with show_progress() as move:

        def load_and_count(path: Path) -> NDArray[np.uint8]:
            move("photos", next(numbers), None)
            return load(path)

        yield load_and_count


def read_album(
    folder: Path, cache: Path | None = None, *, whole: bool = False, max_photos: int = 0
) -> People:
    """Read a folder of people, and show on a terminal how many photos were read.

    Args:
        folder: holds one folder for each person.
        cache: keeps the aligned faces; None keeps none.
        whole: take whole photos, made small, and not aligned faces.
        max_photos: read no more photos than this of each person; 0 for all.
    """
    from onlyme.faceid.networks import make_pipeline
    from onlyme.lab.face_cache import FaceCache
    from onlyme.lab.people import read_people
    from onlyme.settings import Settings

    made_by = f"{make_pipeline(Settings.load()).fingerprint()} {whole}" if cache else ""
    with count_photos(make_loader(whole=whole)) as load:
        return read_people(folder, load, max_photos, FaceCache(cache, made_by) if cache else None)


def make_finder() -> AlignedFaceFinder:
    """Return a function that finds the one face of a frame and aligns it."""
    from onlyme.face.align import align
    from onlyme.face.subject import choose_subject
    from onlyme.faceid.networks import make_pipeline
    from onlyme.settings import Settings
    from onlyme.types import Face

    detector = make_pipeline(Settings.load()).detector

    def find(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.uint8]] | None:
        chosen: Face | Reason = choose_subject(detector.detect(pixels), pixels.shape)
        if not isinstance(chosen, Face):
            return None
        return chosen.box, align(pixels, chosen, FACE_SIDE_PIXELS)

    return find


def make_whole_finder() -> AlignedFaceFinder:
    """Return a function that takes every frame whole, for networks of whole photos."""

    def take(pixels: NDArray[np.uint8]) -> tuple[None, NDArray[np.uint8]]:
        return None, _shrink(pixels)

    return take


def find_rate(frames: Iterator[Frame]) -> tuple[float, Iterator[NDArray[np.uint8]]]:
    """Return the frames a second of a source, by the times of its first frames, and all frames.

    A camera gives fewer frames in the dark than it promises; the times are what it gave.
    """
    first = list(itertools.islice(frames, _RATE_FRAMES))
    spent = first[-1].at - first[0].at if len(first) > 1 else 0.0
    rate = (len(first) - 1) / spent if spent > 0 else _USUAL_RATE
    return rate, (frame.pixels for frame in itertools.chain(first, frames))


def read_frames(source: int | Path, seconds: float = 0.0) -> Iterator[Frame]:
    """Yield the frames of a video or a camera.

    Args:
        source: a video, or a camera's number.
        seconds: stop after this time of the source; 0 for its end. Ctrl-C stops it without an
            error, so that the frames so far can be saved.
    """
    from onlyme.image.sources import read_frames as read_source

    try:
        for frame in read_source(source):
            if 0 < seconds < frame.at:
                return
            yield frame
    except KeyboardInterrupt:
        return


class ProductScorer:
    """Scores aligned faces as the product does.

    Args:
        face_id: holds the owner in a vault of its own.
        name: name of the owner.
        threshold: alpha of the owner.
    """

    def __init__(self, face_id: FaceID, name: str, threshold: float) -> None:
        self._face_id, self._name = face_id, name
        self.threshold = threshold

    def scores(self, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the margins of uint8[k, 112, 112, 3]."""
        embed = self._face_id.pipeline.embedder.embed
        return self._face_id.margins(self._name, np.stack([embed(face).vector for face in faces]))


def make_product_learner(stack: ExitStack) -> ProductLearner:
    """Return a function that enrolls owners as the product does.

    Args:
        stack: closes and removes their vaults when it is closed.
    """
    from onlyme import FaceID

    def enroll(photos: Photos) -> ProductScorer:
        folder = stack.enter_context(TemporaryDirectory(prefix="onlyme-lab-"))
        face_id = stack.enter_context(FaceID.open(Path(folder) / "vault"))
        embed = face_id.pipeline.embedder.embed
        me, not_me = ([embed(face) for face in faces] for faces in (photos.me, photos.not_me))
        return ProductScorer(face_id, "owner", face_id.enroll("owner", me, not_me).alpha)

    return enroll


def _shrink(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from onlyme.face.align import squeeze

    return squeeze(pixels, PUBLISHED_SIDE_PIXELS)
