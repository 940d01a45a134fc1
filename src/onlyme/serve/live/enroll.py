"""Pictures of a browser's camera come in; advice on each, and at the end an enrollment, go out."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from onlyme.enrollment.guided import LONGEST, WANTED, Guide
from onlyme.errors import NotCalibrated, refuse_taken
from onlyme.faceid.serialize import enrollment_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.enrollment.guided import Look
    from onlyme.faceid.face_id import FaceID
    from onlyme.serve.live.latest_frame import Newest
    from onlyme.serve.live.stream import Say
    from onlyme.types import Frame, PhotoReport

__all__ = ["promise", "sit"]


class _Left(Exception):  # noqa: N818 - nobody's mistake
    """Whoever sat there has left; nothing is learned of them."""


def sit(
    face_id: FaceID,
    name: str,
    newest: Newest,
    say: Say,
    *,
    add: bool = False,
    replace: bool = False,
) -> None:
    """Enroll a person by what a browser sends, until each pose was seen or it says `finish`.

    Args:
        face_id: of this thread.
        name: what to call the person.
        newest: where the pictures come.
        say: tells the browser `ready`, `look` for each frame, `photo` for each that was tried,
            `learning` and `enrolled`.
        add: add to what is enrolled under this name.
        replace: forget what is enrolled under this name.

    Raises:
        OwnerExists: the name is taken, and neither `add` nor `replace` was said.
        EnrollmentError: nothing that was seen can be learned from.
        ImageError: what came is no picture.
        OnlymeError: networks or vault cannot be used.
    """
    refuse_taken(name, taken=name in face_id.names() and not (add or replace))
    say("ready", name=name, wanted=WANTED, seconds=LONGEST)

    def advise(look: Look) -> None:
        say("look", **asdict(look), taken=newest.number)

    def report(photo: PhotoReport) -> None:
        guide.seen(photo)
        say("photo", kept=photo.taken, note=photo.note, covered=guide.covered)

    def frames() -> Iterator[Frame]:
        yield from guide.frames(newest.frames())
        if newest.left:
            raise _Left
        say("learning")

    guide = Guide(face_id.pipeline.detector, advise)
    try:
        enrollment = face_id.enroll(name, frames(), add=add, replace=replace, on_photo=report)
    except _Left:
        return
    say("enrolled", enrollment=enrollment_json(enrollment), certificate=promise(face_id, name))


def promise(face_id: FaceID, name: str) -> list[str]:
    """Return a person's certificate in sentences; none where nothing can be promised.

    Raises:
        UnknownOwner: nobody of that name is enrolled.
    """
    try:
        return list(face_id.owner(name).certificate().sentences())
    except NotCalibrated:
        return []
