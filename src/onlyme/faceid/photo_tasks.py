"""Examine the photos of many people, one task a photo, and put each person together again.

The tasks are independent of each other, so that any engine can run them in any order: worker
processes of this computer (`WorkerPool`), or several computers (`onlyme.faceid.cluster`).
"""

from __future__ import annotations

from functools import partial
from hashlib import file_digest
from typing import TYPE_CHECKING, NamedTuple, Protocol

from onlyme.enrollment.examine import ExaminedPhoto, examine_photo, look_at_photo
from onlyme.enrollment.expand import read_photo
from onlyme.enrollment.photos import PhotoCollector
from onlyme.errors import EnrollmentError
from onlyme.faceid import networks
from onlyme.storage.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Any, Self

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.settings import Settings

__all__ = [
    "CRASHED",
    "CollectedPhotos",
    "ExaminedPhoto",
    "PhotoEngine",
    "PhotoTask",
    "collect_examined",
    "examine_photo",
    "hash_file",
    "look_at_photo",
    "read_photo",
    "start_examiner",
]

CRASHED = "the process that examined this photo crashed"


class PhotoTask(NamedTuple):
    """One photo to examine.

    Attributes:
        name: the person.
        file: the photo in the person's folder.
        path: where it is.
        enroll: it is to be a photo of the person to enroll: an unfit face is refused, and both
            networks embed it. If not, the first network embeds any face.
    """

    name: str
    file: str
    path: Path
    enroll: bool = True


class PhotoEngine(Protocol):
    """What examines photos: worker processes, here or elsewhere."""

    @property
    def workers(self) -> int:
        """How many photos are examined at the same time."""
        ...

    def __enter__(self) -> Self:
        """Start it."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> Any:
        """End it; what is under way is not finished."""
        ...

    def run(self, tasks: Iterable[PhotoTask]) -> Iterator[tuple[PhotoTask, ExaminedPhoto | None]]:
        """Yield each task with its result, in any order; None where it crashed its process.

        Tasks are taken from the iterator as they are needed, in the thread of the caller.
        """
        ...


def start_examiner(settings: Settings) -> Callable[[PhotoTask], ExaminedPhoto]:
    """Load the networks of a worker process, and return what examines photos.

    Each worker uses one core: that is fastest for all of them together.
    """
    import cv2

    cv2.setNumThreads(1)
    return partial(_examine_task, networks.make_pipeline(settings))


def _examine_task(pipeline: Any, task: PhotoTask) -> ExaminedPhoto:
    if not task.enroll:
        return look_at_photo(pipeline, task.path)
    return examine_photo(pipeline, task.path, judge_quality=True)


def hash_file(path: Path) -> str:
    """Return the sha256 (hex) of a file; empty if it cannot be read, which examining it says."""
    try:
        with open_regular(path) as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


class CollectedPhotos(NamedTuple):
    """A person's photos, compared with each other.

    Attributes:
        vectors: float32[n, d], the embeddings worth learning from.
        second: the second look's vectors of the same photos; of no row if one has none.
        notes: why each photo was not taken; empty where it was.
        why: why the whole person is refused; empty if not.
    """

    vectors: NDArray[np.float32]
    second: NDArray[np.float32]
    notes: dict[str, str]
    why: str


def collect_examined(
    photos: Mapping[str, ExaminedPhoto | None], known: NDArray[np.float32]
) -> CollectedPhotos:
    """Compare the photos of one person with each other, and keep those to learn from.

    Args:
        photos: what each photo shows, by its name, in the order of the person's photos; None where
            its process crashed.
        known: float32[k, d], the person's embeddings so far.
    """
    collector = PhotoCollector(None, judge_quality=True, known=known)
    for file, photo in photos.items():
        collector.add_examined(photo or ExaminedPhoto(file, note=CRASHED))
    why = ""
    try:
        collector.refuse_strays()
    except EnrollmentError:
        why = "these photos show different people; give photos of one person only"
    if not len(known) + len(collector.vectors):
        why = "no photo can be used"
    notes = {
        file: "" if report.taken else report.note
        for file, report in zip(photos, collector.reports, strict=True)
    }
    second, _ = collector.second_vectors
    return CollectedPhotos(collector.vectors, second, notes, why)
