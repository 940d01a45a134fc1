"""Examine one photo: find and embed the person's face, and say what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onlyme.enrollment.expand import find_kind
from onlyme.errors import ImageError, UsageError
from onlyme.face.enrollment_quality import assess_for_enrollment, is_only_covered
from onlyme.face.no_photo import resembles_no_photo
from onlyme.face.quality import assess, describe_light
from onlyme.liveness.attention import measure_eyes
from onlyme.types import ExampleKind, PhotoReport, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.face.pipeline import Observation, Pipeline
    from onlyme.types import Embedding, Face, Frame, HeadReading, ImageLike, Quality

    HeadReader = Callable[[NDArray[np.uint8], Face], HeadReading | None]

__all__ = ["ExaminedPhoto", "examine_photo", "explain_refusal", "look_at_photo"]

MIN_FOREGROUND_RATIO = 2.0
"""In a photo to enroll, other faces are in the background if the person's is this many times as
wide. Nearer ones may be the person that is meant, and be a child."""

MIN_PERSON_SCORE = 0.89
"""Least score of detection without a remark. 412 press photos are at 0.892 and more, animals at
0.68 to 0.88. Statues, paintings and drawings score like people; see `resembles_no_photo`."""

NO_PHOTO = (
    "may be no photo of a person but a picture of an animal, a statue or a drawing; check that "
    "it is one"
)

COVER_MISTAKEN = "; if nothing covers it, enroll it with --anyway (anyway=True)"
COVER_TAKEN = (
    "seems covered, and is taken all the same: strangers with the same cover may be accepted more "
    "often than promised"
)

_REFUSALS = {
    Reason.NO_FACE: "no face found; show the whole face, from the front",
    Reason.MANY_FACES: "several faces of similar size; cut the photo to one person",
}


def explain_refusal(sight: Observation) -> str:
    """Say why a picture shows no face that can be used, and what to do; empty where it does."""
    if sight.reason is None:
        return "" if sight.quality is None else sight.quality.advice
    light = describe_light(sight.frame.pixels) if sight.reason is Reason.NO_FACE else ""
    return light or _REFUSALS[sight.reason]


@dataclass(slots=True)
class ExaminedPhoto:
    """What one photo shows, before it is compared with the person's others.

    Attributes:
        source: the photo, for messages.
        embedding: of the person's face; None where there is none to use.
        quality: what was measured; None when no face was found.
        note: why there is no embedding, or a remark; empty when there is nothing to say.
        is_unsure: another face is nearly as large: it may be the person that is meant.
        eyes: measures of the person's open eyes; None where they were not measured.
        kind: what the picture is.
    """

    source: str
    embedding: Embedding | None = None
    quality: Quality | None = None
    note: str = ""
    is_unsure: bool = False
    eyes: tuple[float, float] | None = None
    kind: ExampleKind = ExampleKind.UNKNOWN

    def make_report(self) -> PhotoReport:
        """Return what the caller is told."""
        taken = self.embedding is not None
        return PhotoReport(self.source, taken, self.note, self.quality)

    def refuse(self, note: str) -> None:
        """Take it no more, and say why."""
        self.embedding, self.note = None, note


def examine_photo(
    pipeline: Pipeline,
    image: ImageLike | Frame | Embedding | ImageError,
    *,
    judge_quality: bool,
    read_head: HeadReader | None = None,
    allow_cover: bool = False,
) -> ExaminedPhoto:
    """Find and embed the face of one photo, without regard to the person's others.

    Args:
        pipeline: detects and embeds the faces.
        image: the photo; an error stands for one that could not even be read.
        judge_quality: it is to be a photo of the person: an unfit face is refused, and both
            networks embed it.
        read_head: see `onlyme.enrollment.photos.PhotoCollector`.
        allow_cover: see `onlyme.enrollment.photos.PhotoCollector`.
    """
    try:
        if isinstance(image, ImageError):
            raise image
        sight = pipeline.look(image)
    except ImageError as error:
        return ExaminedPhoto(error.source, note=error.cause)
    except UsageError as error:
        return ExaminedPhoto("embedding", note=str(error))
    moment = f", {sight.frame.at:.1f} s" if sight.frame.at else ""
    quality = None
    if sight.face is not None:
        measure = assess_for_enrollment if judge_quality else assess
        quality = measure(sight.frame.pixels, sight.face.box, sight.face.landmarks)
    source, kind = sight.frame.source + moment, find_kind(image)
    photo = ExaminedPhoto(source, sight.embedding, quality, kind=kind)
    if sight.reason is not None:
        photo.note = explain_refusal(sight)
    elif judge_quality and photo.quality is not None and not photo.quality.ok:
        _judge_poor(photo, photo.quality, allow_cover=allow_cover)
    elif judge_quality and sight.face is not None:
        _remark(pipeline, photo, sight, sight.face)
    if photo.embedding is not None and judge_quality:
        photo.embedding = sight.complete_embedding()
    if photo.embedding is not None and sight.face is not None and read_head is not None:
        head = read_head(sight.frame.pixels, sight.face)
        photo.eyes = None if head is None else measure_eyes(sight.frame.pixels, head).sample
    return photo


def look_at_photo(pipeline: Pipeline, image: ImageLike | ImageError) -> ExaminedPhoto:
    """Embed the face of one photo as recognition does and measure its quality."""
    try:
        if isinstance(image, ImageError):
            raise image
        sight = pipeline.look(image)
    except ImageError as error:
        return ExaminedPhoto(error.source, note=error.cause)
    photo = ExaminedPhoto(sight.frame.source, sight.embedding, kind=find_kind(image))
    if sight.face is None:
        photo.note = explain_refusal(sight)
    else:
        box, landmarks = sight.face.box, sight.face.landmarks
        photo.quality = assess_for_enrollment(sight.frame.pixels, box, landmarks)
    return photo


def _judge_poor(photo: ExaminedPhoto, quality: Quality, *, allow_cover: bool) -> None:
    """Refuse a photo with advice; of one that only seems covered, say how to take it."""
    if not is_only_covered(quality):
        photo.refuse(quality.advice)
    elif allow_cover:
        photo.note = COVER_TAKEN
    else:
        photo.refuse(quality.advice.removesuffix(".") + COVER_MISTAKEN)


def _remark(pipeline: Pipeline, photo: ExaminedPhoto, sight: Observation, face: Face) -> None:
    """Note which of several faces was taken, and a face that may be no person's."""
    others = pipeline.find_others(sight)
    if not others:
        if face.score < MIN_PERSON_SCORE:
            photo.note = "hardly looks like a person's face; check that it is one"
        elif resembles_no_photo(sight.look_again()):
            photo.note = NO_PHOTO
        return
    width, other = float(face.box[2]), max(float(one.box[2]) for one in others)
    photo.is_unsure = other * MIN_FOREGROUND_RATIO > width  # `refuse_strays` decides
    where = "×".join(str(round(float(side))) for side in face.box[2:])
    photo.note = (
        f"shows {len(others) + 1} faces; the one of {where} pixels was taken, since it is "
        f"{width / other:.1f} times as large as the next"
    )
