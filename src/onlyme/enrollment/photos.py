"""Select the photos of one person that are worth learning from, and report on each photo."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import EnrollmentError, ImageError, UsageError
from onlyme.face.enrollment_quality import assess_for_enrollment
from onlyme.face.quality import assess
from onlyme.image.sources import is_folder, list_photos
from onlyme.siamese.distance import (
    EQUAL_PICTURE_DISTANCE,
    SAME_PERSON_DISTANCE,
    SAME_PICTURE_DISTANCE,
)
from onlyme.siamese.owner import Examples
from onlyme.types import Embedding, Frame, PhotoReport, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from onlyme.face.pipeline import Pipeline
    from onlyme.types import ImageLike, Quality

    Picture = ImageLike | Frame
    Photo = Picture | Embedding

__all__ = [
    "ADVISED_PHOTOS",
    "PhotoCollection",
    "PhotoCollector",
    "collect_photos",
]

ADVISED_PHOTOS = 5
"""Photos of one person that are advised; one is enough."""

_REFUSALS = {
    Reason.NO_FACE: "no face found; show the whole face, from the front",
    Reason.MANY_FACES: "several faces of similar size; cut the photo to one person",
}


@dataclass(frozen=True, slots=True, eq=False)
class PhotoCollection:
    """What was learned from photos.

    Attributes:
        examples: the embeddings worth learning from.
        me: one report for each photo of the person.
        others: one report for each photo of another person.
    """

    examples: Examples
    me: tuple[PhotoReport, ...]
    others: tuple[PhotoReport, ...]


def collect_photos(
    pipeline: Pipeline,
    known: Examples,
    me: Photo | Iterable[Photo],
    not_me: Photo | Iterable[Photo],
    look_alikes: Photo | Iterable[Photo],
    on_photo: Callable[[PhotoReport], None] | None,
    *,
    measured: bool,
) -> PhotoCollection:
    """Select the photos of one enrollment.

    Args:
        pipeline: detects and embeds the faces.
        known: the examples so far, to which these are added.
        me: photos of the person.
        not_me: photos of other people.
        look_alikes: photos of other people who look like the person.
        on_photo: called with the report on each photo as soon as there is one.
        measured: see `PhotoCollector`.

    Raises:
        EnrollmentError: no photo of the person can be used, or they show different people.
    """
    on_photo = on_photo or (lambda _: None)
    mine = PhotoCollector(pipeline, judge_quality=True, known=known.me, measured=measured)
    mine.extend(me, on_photo)
    for report in mine.refuse_strays():
        on_photo(report)
    if not len(mine.vectors):
        raise EnrollmentError(_explain_nothing_taken(mine.reports))
    own = np.concatenate([known.all_me, mine.vectors])
    others = PhotoCollector(
        pipeline, judge_quality=False, known=known.not_me, apart=own, measured=measured
    )
    others.extend(not_me, on_photo)
    alike = PhotoCollector(
        pipeline, judge_quality=False, known=known.look_alikes, apart=own, measured=measured
    )
    alike.extend(look_alikes, on_photo)
    none = mine.vectors[:0]
    examples = Examples(mine.vectors, others.vectors, alike.vectors, learned=none, lessons=none)
    return PhotoCollection(examples, mine.reports, others.reports + alike.reports)


def expand_photos(images: Photo | Iterable[Photo]) -> Iterator[Photo]:
    """Yield photos one by one: a single one, each of many, and the pictures of each folder."""
    single = (str, os.PathLike, bytes, bytearray, memoryview, np.ndarray, Frame, Embedding)
    if isinstance(images, single) or not isinstance(images, Iterable):
        images = [images]
    for image in images:
        if isinstance(image, (str, os.PathLike)) and is_folder(image):
            yield from list_photos([image])
        else:
            yield image


@dataclass(slots=True)
class _PhotoRecord:
    source: str
    embedding: Embedding | None = None
    quality: Quality | None = None
    note: str = ""

    def make_report(self) -> PhotoReport:
        taken = self.embedding is not None
        return PhotoReport(self.source, taken, self.note, self.quality)

    def refuse(self, note: str) -> None:
        self.embedding, self.note = None, note


@dataclass(slots=True)
class PhotoCollector:
    """Judge photos one by one, and keep those that make a good template.

    Attributes:
        pipeline: detects and embeds the faces.
        judge_quality: refuse photos whose face is unfit, with advice.
        known: float32[k, d], embeddings to which those of the photos are added.
        apart: float32[a, d], embeddings that no photo may have: the person's own, where photos
            of other people are collected.
        measured: whether `SAME_PICTURE_DISTANCE` and `SAME_PERSON_DISTANCE` were measured with
            this embedder. If not, only equal embeddings count as one picture, and strays are
            not searched.
    """

    pipeline: Pipeline
    judge_quality: bool
    known: NDArray[np.float32] = field(repr=False)
    apart: NDArray[np.float32] | None = field(default=None, repr=False)
    measured: bool = True
    _photos: list[_PhotoRecord] = field(default_factory=list, repr=False)

    def add(self, image: Photo) -> PhotoReport:
        """Judge one photo; a photo that is taken may still be refused by `refuse_strays`."""
        photo = self._examine(image)
        self._photos.append(photo)
        if photo.embedding is not None:
            self._refuse_duplicate(photo)
        return photo.make_report()

    def extend(
        self, images: Photo | Iterable[Photo], on_photo: Callable[[PhotoReport], None]
    ) -> None:
        """Judge one photo or many, and report on each as soon as it is judged."""
        for image in expand_photos(images):
            on_photo(self.add(image))

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32[n, d]: the embeddings taken so far, without the known ones."""
        taken = [photo.embedding.vector for photo in self._photos if photo.embedding is not None]
        return np.array(taken, np.float32).reshape(len(taken), self.pipeline.embedder.dimension)

    @property
    def reports(self) -> tuple[PhotoReport, ...]:
        """One report for each photo, in the order in which they were added."""
        return tuple(photo.make_report() for photo in self._photos)

    def refuse_strays(self) -> tuple[PhotoReport, ...]:
        """Refuse the photos that do not show the person who is in most of them.

        The photo nearest to the others represents the person; where there are known
        embeddings, the one of them that is nearest to all others does.

        Returns:
            The reports on the refused photos.

        Raises:
            EnrollmentError: no person appears in more than half of the photos.
        """
        taken = [photo for photo in self._photos if photo.embedding is not None]
        everything = np.concatenate([self.known, self.vectors])
        if not self.measured or not taken or len(everything) < 2:
            return ()
        distances = _measure_distances(everything, everything)
        anchors = distances[: len(self.known)] if len(self.known) else distances
        person = anchors[np.argmin(np.median(anchors, axis=1))]
        strays = [
            photo
            for photo, distance in zip(taken, person[len(self.known) :], strict=True)
            if distance > SAME_PERSON_DISTANCE
        ]
        if len(strays) * 2 >= len(everything):
            raise EnrollmentError(
                "these photos show different people: "
                + ", ".join(photo.source for photo in taken)
                + "; give photos of one person only"
            )
        for photo in strays:
            photo.refuse("does not show the person of the other photos")
        return tuple(photo.make_report() for photo in strays)

    def _examine(self, image: Photo) -> _PhotoRecord:
        try:
            sight = self.pipeline.look(image)
        except ImageError as error:
            return _PhotoRecord(error.source, note=error.cause)
        except UsageError as error:
            return _PhotoRecord("embedding", note=str(error))
        moment = f", {sight.frame.at:.1f} s" if sight.frame.at else ""
        quality = None
        if sight.face is not None:
            measure = assess_for_enrollment if self.judge_quality else assess
            quality = measure(sight.frame.pixels, sight.face.box, sight.face.landmarks)
        photo = _PhotoRecord(sight.frame.source + moment, sight.embedding, quality)
        if sight.reason is not None:
            photo.note = _REFUSALS[sight.reason]
        elif self.judge_quality and photo.quality is not None and not photo.quality.ok:
            photo.refuse(photo.quality.advice)
        return photo

    def _refuse_duplicate(self, photo: _PhotoRecord) -> None:
        assert photo.embedding is not None  # noqa: S101 - for the type checker; `add` checks it
        vector = photo.embedding.vector[None]
        for earlier in self._photos[:-1]:
            if earlier.embedding is None:
                continue
            if self._contains(earlier.embedding.vector[None], vector):
                photo.refuse(f"the same picture as {earlier.source}")
                return
        if self._contains(self.known, vector):
            photo.refuse("the same picture as one enrolled before")
        elif self.apart is not None and self._contains(self.apart, vector):
            photo.refuse("one of the person's own photos")

    def _contains(self, pictures: NDArray[np.float32], vector: NDArray[np.float32]) -> bool:
        same = SAME_PICTURE_DISTANCE if self.measured else EQUAL_PICTURE_DISTANCE
        return bool(len(pictures)) and bool(_measure_distances(vector, pictures).min() < same)


def _explain_nothing_taken(reports: tuple[PhotoReport, ...]) -> str:
    if not reports:
        return f"no photo was given; one is enough, {ADVISED_PHOTOS} are advised"
    return "no photo can be used:\n" + "\n".join(f"  {r.source}: {r.note}" for r in reports)


def _measure_distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return Euclidean distances between rows of unit vectors: float64[n, m], 0 to 2."""
    cosines = a.astype(np.float64) @ b.astype(np.float64).T
    return np.sqrt(np.maximum(2 - 2 * cosines, 0))
