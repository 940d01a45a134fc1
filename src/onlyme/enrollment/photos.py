"""Select the photos of one person that are worth learning from, and report on each photo."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite, isinf
from typing import TYPE_CHECKING

import numpy as np

from onlyme.enrollment.camera import EnrollmentCamera
from onlyme.enrollment.examine import examine_photo
from onlyme.enrollment.expand import expand_photos, is_video
from onlyme.errors import CameraError, EnrollmentError, ImageError
from onlyme.siamese.distance import SHIPPED_LIMITS, PhotoLimits
from onlyme.siamese.examples import Examples, join_second
from onlyme.types import Embedding, Example

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from onlyme.enrollment.examine import ExaminedPhoto, HeadReader
    from onlyme.face.pipeline import Pipeline
    from onlyme.types import Frame, ImageLike, PhotoReport

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

MAX_NAMED_PHOTOS = 10
"""The most photos that one message names."""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoCollection:
    """What was learned from photos.

    Attributes:
        examples: the embeddings worth learning from.
        me: one report for each photo of the person.
        others: one report for each photo of another person.
        eyes: float32[n, 2], measures of the person's open eyes in the photos that were taken and
            show them clearly.
    """

    examples: Examples
    me: tuple[PhotoReport, ...]
    others: tuple[PhotoReport, ...]
    eyes: NDArray[np.float32] = field(repr=False)


def collect_photos(
    pipeline: Pipeline,
    known: Examples,
    me: Photo | Iterable[Photo],
    not_me: Photo | Iterable[Photo],
    look_alikes: Photo | Iterable[Photo],
    on_photo: Callable[[PhotoReport], None] | None,
    *,
    limits: PhotoLimits,
    read_head: HeadReader | None = None,
    look: str = "",
    allow_cover: bool = False,
) -> PhotoCollection:
    """Select the photos of one enrollment.

    Args:
        pipeline: detects and embeds the faces.
        known: the examples so far, to which these are added.
        me: photos of the person.
        not_me: photos of other people.
        look_alikes: photos of other people who look like the person.
        on_photo: called with the report on each photo as soon as there is one.
        limits: see `PhotoCollector`.
        read_head: see `PhotoCollector`; only photos of the person are read.
        look: the look that the photos of the person show, such as `glasses`; empty without one.
        allow_cover: see `PhotoCollector`.

    Raises:
        EnrollmentError: no photo of the person can be used, or they show different people.
    """
    on_photo = on_photo or (lambda _: None)
    mine = PhotoCollector(
        pipeline,
        judge_quality=True,
        known=known.me,
        limits=limits,
        read_head=read_head,
        allow_cover=allow_cover,
    )
    mine.extend(me, on_photo)
    for report in mine.refuse_strays():
        on_photo(report)
    if not len(mine.vectors):
        raise EnrollmentError(_explain_nothing_taken(mine.reports))
    own = np.concatenate([known.all_me, mine.vectors])
    others = PhotoCollector(
        pipeline, judge_quality=False, known=known.not_me, apart=own, limits=limits
    )
    others.extend(not_me, on_photo)
    alike = PhotoCollector(
        pipeline, judge_quality=False, known=known.look_alikes, apart=own, limits=limits
    )
    alike.extend(look_alikes, on_photo)
    none = mine.vectors[:0]
    second, second_model = mine.second_vectors
    examples = Examples(
        *(mine.vectors, others.vectors, alike.vectors),
        learned=none,
        lessons=none,
        notes=mine.make_notes(look),
        second=second,
        second_model=second_model,
    )
    return PhotoCollection(examples, mine.reports, others.reports + alike.reports, mine.eyes)


@dataclass(slots=True)
class PhotoCollector:
    """Judge photos one by one, and keep those that make a good template.

    Attributes:
        pipeline: detects and embeds the faces; None where only `add_examined` is called.
        judge_quality: refuse photos whose face is unfit, with advice.
        known: float32[k, d], embeddings to which those of the photos are added.
        apart: float32[a, d], embeddings that no photo may have: the person's own, where photos
            of other people are collected.
        limits: by which doubles and strays are noticed, in the space of this embedder.
        read_head: reads the mesh of a face, to measure the person's open eyes; None: they are not
            measured.
        allow_cover: take photos on which eyes or mouth seem covered, with a note.
    """

    pipeline: Pipeline | None
    judge_quality: bool
    known: NDArray[np.float32] = field(repr=False)
    apart: NDArray[np.float32] | None = field(default=None, repr=False)
    limits: PhotoLimits = SHIPPED_LIMITS
    read_head: HeadReader | None = None
    allow_cover: bool = False
    _photos: list[ExaminedPhoto] = field(default_factory=list, repr=False)

    def add(self, image: Photo | ImageError) -> PhotoReport:
        """Judge one photo; a photo that is taken may still be refused by `refuse_strays`.

        An error stands for a photo that could not even be read.
        """
        assert self.pipeline is not None  # noqa: S101 - for the type checker; see above
        return self.add_examined(
            examine_photo(
                self.pipeline,
                image,
                judge_quality=self.judge_quality,
                read_head=self.read_head,
                allow_cover=self.allow_cover,
            )
        )

    def add_examined(self, photo: ExaminedPhoto) -> PhotoReport:
        """Judge a photo that was examined already, here or by another process."""
        self._photos.append(photo)
        if photo.embedding is not None:
            self._refuse_duplicate(photo)
        return photo.make_report()

    @property
    def eyes(self) -> NDArray[np.float32]:
        """float32[n, 2]: measures of open eyes in the photos taken so far that show them."""
        seen = [one.eyes for one in self._photos if one.embedding is not None and one.eyes]
        return np.array(seen, np.float32).reshape(len(seen), 2)

    def extend(
        self, images: Photo | Iterable[Photo | ImageError], on_photo: Callable[[PhotoReport], None]
    ) -> None:
        """Judge one photo or many, and report on each as soon as it is judged."""
        for image in expand_photos(images):
            if not is_video(image):
                on_photo(self.add(image))
                continue
            camera = EnrollmentCamera(image)  # type: ignore[arg-type]  # a path
            try:
                for frame in camera.frames():
                    camera.add_report(report := self.add(frame))
                    on_photo(report)
            except CameraError as error:  # it must not waste the photos beside it
                source, _, cause = str(error).partition(": ")
                on_photo(self.add(ImageError(source, cause)))

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32[n, d]: the embeddings taken so far, without the known ones."""
        taken = [photo.embedding.vector for photo in self._photos if photo.embedding is not None]
        return np.array(taken, np.float32).reshape(len(taken), self.known.shape[1])

    def make_notes(self, look: str) -> tuple[Example, ...]:
        """Return what is known of each embedding taken so far, numbered from 1."""
        taken = [photo for photo in self._photos if photo.embedding is not None]
        now = datetime.now(UTC)
        return tuple(
            Example(number, now, one.kind, one.quality, look, has_eyes=one.eyes is not None)
            for number, one in enumerate(taken, 1)
        )

    @property
    def second_vectors(self) -> tuple[NDArray[np.float32], str]:
        """The second look's vectors of the photos taken so far, float32[n, e], and its hash.

        n is 0 if one of the photos has none.
        """
        return join_second([one.embedding for one in self._photos if one.embedding is not None])

    @property
    def reports(self) -> tuple[PhotoReport, ...]:
        """One report for each photo, in the order in which they were added."""
        return tuple(photo.make_report() for photo in self._photos)

    def refuse_strays(self) -> tuple[PhotoReport, ...]:
        """Refuse the photos that do not show the person who is in most of them.

        The photo nearest to the others represents the person; where there are known
        embeddings, the one of them that is nearest to all others does. A photo in which
        another face is nearly as large does not say who is meant: it is taken if the others show
        the same person.

        Returns:
            The reports on the refused photos.

        Raises:
            EnrollmentError: no person appears in more than half of the photos.
        """
        refused = self._refuse_unsure()
        taken = [photo for photo in self._photos if photo.embedding is not None]
        sure = [_stack_vector(photo) for photo in taken if not photo.is_unsure]
        if isinf(self.limits.same_person) or len(self.known) + len(taken) < 2 or not taken:
            return refused
        clear = np.concatenate([self.known, *sure])
        distances = _measure_distances(clear, clear)
        anchors = distances[: len(self.known)] if len(self.known) else distances
        person = clear[[np.argmin(np.median(anchors, axis=1))]]
        strays = [
            photo
            for photo in taken
            if _measure_distances(person, _stack_vector(photo)).item() > self.limits.same_person
        ]
        if sum(not photo.is_unsure for photo in strays) * 2 >= len(clear):
            sources = list_some([photo.source for photo in taken])
            raise EnrollmentError(
                f"these photos show different people: {sources}; give photos of one person only"
            )
        for photo in strays:
            photo.refuse("does not show the person of the other photos")
        return refused + tuple(photo.make_report() for photo in strays)

    def _refuse_unsure(self) -> tuple[PhotoReport, ...]:
        """Refuse the photos of which nothing says which of several faces is meant."""
        taken = [photo for photo in self._photos if photo.embedding is not None]
        unsure = [photo for photo in taken if photo.is_unsure]
        if isfinite(self.limits.same_person) and len(self.known) + len(taken) > len(unsure):
            return ()  # another photo shows the person
        for photo in unsure:
            photo.refuse(
                "shows several faces, and none is clearly in the background; "
                "cut the photo to one person"
            )
        return tuple(photo.make_report() for photo in unsure)

    def _refuse_duplicate(self, photo: ExaminedPhoto) -> None:
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
        return bool(len(pictures)) and bool(
            _measure_distances(vector, pictures).min() < self.limits.same_picture
        )


def _stack_vector(photo: ExaminedPhoto) -> NDArray[np.float32]:
    """Return a photo's embedding as an array of one row."""
    assert photo.embedding is not None  # noqa: S101 - for the type checker; photos taken have one
    return photo.embedding.vector[None]


def _explain_nothing_taken(reports: tuple[PhotoReport, ...]) -> str:
    if not reports:
        return f"no photo was given; one is enough, {ADVISED_PHOTOS} are advised"
    lines = [f"  {one.source}: {one.note}" for one in reports[:MAX_NAMED_PHOTOS]]
    if len(reports) > len(lines):
        lines.append(f"  … and {len(reports) - len(lines):,} more")
    return "no photo can be used:\n" + "\n".join(lines)


def list_some(names: Sequence[str]) -> str:
    """Name the first of many, and count the others.

    >>> list_some(["a.jpg", "b.jpg"]), list_some([f"{n}.jpg" for n in range(1000)])[-20:]
    ('a.jpg, b.jpg', ', 9.jpg and 990 more')
    """
    some = ", ".join(names[:MAX_NAMED_PHOTOS])
    more = len(names) - MAX_NAMED_PHOTOS
    return f"{some} and {more:,} more" if more > 0 else some


def _measure_distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return Euclidean distances between rows of unit vectors: float64[n, m], 0 to 2."""
    cosines = a.astype(np.float64) @ b.astype(np.float64).T
    return np.sqrt(np.maximum(2 - 2 * cosines, 0))
