"""Enroll a person from the pictures of a browser's camera, with advice on each picture."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from onlyme.enrollment.guided import MAX_GUIDED_SECONDS, WANTED_PHOTOS, Guide
from onlyme.errors import NotCalibrated, refuse_taken
from onlyme.faceid.serialize import serialize_enrollment
from onlyme.verification.attempt import CaptureAbandoned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme import FaceID
    from onlyme.enrollment.guided import Guidance
    from onlyme.serve.live.latest_frame import LatestFrame
    from onlyme.serve.live.stream import MessageSender
    from onlyme.types import Frame, PhotoReport

__all__ = ["describe_promise", "enroll_live"]


def enroll_live(
    face_id: FaceID,
    name: str,
    latest: LatestFrame,
    say: MessageSender,
    *,
    add: bool = False,
    replace: bool = False,
    anyway: bool = False,
    look: str = "",
) -> None:
    """Enroll a person from what a browser sends, until all poses are covered or it says `finish`.

    Args:
        face_id: of this thread.
        name: of the person.
        latest: receives the pictures.
        say: sends the browser `ready`, `look` for each frame, `photo` for each that was tried,
            `learning` and `enrolled`.
        add: add to what is enrolled under this name.
        replace: replace what is enrolled under this name.
        anyway: enroll a person who is enrolled under another name, and from pictures on which eyes
            or mouth seem covered.
        look: the look that the pictures show, such as `glasses`; empty without one.

    Raises:
        OwnerExists: the name is taken, and neither `add` nor `replace` is set.
        SamePerson: the person is enrolled under another name.
        EnrollmentError: no picture is good enough to learn from.
        ImageError: what was sent is not a picture.
        OnlymeError: networks or vault cannot be used.
    """
    refuse_taken(name, taken=name in face_id.names() and not (add or replace))
    say("ready", name=name, wanted=WANTED_PHOTOS, seconds=MAX_GUIDED_SECONDS)

    def advise(guidance: Guidance) -> None:
        say("look", **asdict(guidance), taken=latest.number)

    def report(photo: PhotoReport) -> None:
        guide.add_report(photo)
        say("photo", kept=photo.taken, note=photo.note, covered=guide.coverage)

    def read_frames() -> Iterator[Frame]:
        yield from guide.frames(latest.frames())
        if latest.left:
            raise CaptureAbandoned
        say("learning")

    guide = Guide(face_id.pipeline.detector, advise, allow_cover=anyway)
    try:
        frames = read_frames()
        enrollment = face_id.enroll(
            name, frames, add=add, replace=replace, anyway=anyway, look=look, on_photo=report
        )
    except CaptureAbandoned:  # nothing is learned of a person who has left
        return
    say(
        "enrolled",
        enrollment=serialize_enrollment(enrollment),
        certificate=describe_promise(face_id, name),
    )


def describe_promise(face_id: FaceID, name: str) -> list[str]:
    """Return a person's certificate in sentences; empty where nothing can be promised.

    Raises:
        UnknownOwner: no person of that name is enrolled.
    """
    try:
        return list(face_id.certificate(name).sentences())
    except NotCalibrated:
        return []
