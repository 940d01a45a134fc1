"""Teach an owner's template a face that is not the owner (`onlyme not-me`), and undo that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from onlyme.enrollment.photos import PhotoCollector
from onlyme.errors import EnrollmentError, UsageError
from onlyme.siamese.examples import Examples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.enrollment.photos import Photo
    from onlyme.face.pipeline import Pipeline
    from onlyme.siamese.distance import PhotoLimits

__all__ = ["add_lesson", "collect_lesson", "remove_last_lesson"]


def collect_lesson(
    pipeline: Pipeline, known: Examples, image: Photo, *, limits: PhotoLimits
) -> NDArray[np.float32]:
    """Return the embedding of a face that is not this person, float32[1, d].

    Args:
        pipeline: detects and embeds the face.
        known: the examples of the person so far.
        image: the photo.
        limits: see `onlyme.enrollment.photos.PhotoCollector`.

    Raises:
        EnrollmentError: there is no usable face, it was taught before, or the photo is one of
            the person's own.
    """
    collector = PhotoCollector(
        pipeline,
        judge_quality=False,
        known=known.all_look_alikes,
        apart=known.all_me,
        limits=limits,
    )
    report = collector.add(image)
    if not report.taken:
        raise EnrollmentError(f"{report.source}: {report.note}")
    return collector.vectors


def add_lesson(old: Examples, face: NDArray[np.float32]) -> tuple[Examples, NDArray[np.float32]]:
    """Add a taught face, float32[1, d]; return the examples and the face."""
    return old + replace(Examples.make_empty(face.shape[1]), lessons=face), face


def remove_last_lesson(old: Examples) -> tuple[Examples, NDArray[np.float32]]:
    """Remove the face that was taught last; return the examples and the face.

    Raises:
        UsageError: no face was taught.
    """
    if not len(old.lessons):
        raise UsageError("no face was taught with `onlyme not-me`; there is nothing to undo")
    return replace(old, lessons=old.lessons[:-1]), old.lessons[-1:]
