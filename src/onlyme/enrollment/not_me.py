"""A face that was taken for somebody comes in; the examples that keep it apart go out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from onlyme.enrollment.photos import PhotoCollector
from onlyme.errors import EnrollmentError, UsageError
from onlyme.siamese.owner import Examples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.enrollment.photos import Photo
    from onlyme.face.pipeline import Pipeline

__all__ = ["add_lesson", "collect_lesson", "remove_last_lesson"]


def collect_lesson(
    pipeline: Pipeline, known: Examples, image: Photo, *, measured: bool
) -> NDArray[np.float32]:
    """Look at the face that is not this person: float32[1, d].

    Args:
        pipeline: sees the photo.
        known: what is known of the person.
        image: the photo.
        measured: see `onlyme.enrollment.photos.PhotoCollector`.

    Raises:
        EnrollmentError: there is no face to learn from, it was taught before, or it is
            one of the person's own photos.
    """
    collector = PhotoCollector(
        pipeline,
        judge_quality=False,
        known=known.all_look_alikes,
        apart=known.all_me,
        measured=measured,
    )
    report = collector.add(image)
    if not report.taken:
        raise EnrollmentError(f"{report.source}: {report.note}")
    return collector.vectors


def add_lesson(old: Examples, face: NDArray[np.float32]) -> tuple[Examples, NDArray[np.float32]]:
    """Add a lesson, float32[1, d]; return it as well."""
    return old + replace(Examples.make_empty(face.shape[1]), lessons=face), face


def remove_last_lesson(old: Examples) -> tuple[Examples, NDArray[np.float32]]:
    """Take the last lesson back; return it as well.

    Raises:
        UsageError: there is none.
    """
    if not len(old.lessons):
        raise UsageError("no face was ever taught as somebody else's; there is nothing to undo")
    return replace(old, lessons=old.lessons[:-1]), old.lessons[-1:]
