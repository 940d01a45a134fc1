"""Take photos for the daemon, which is sent their bytes, and name them again in its answers."""

from __future__ import annotations

from base64 import b64encode
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from onlyme.cli import options, output
from onlyme.cli.lines import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from onlyme.types import Enrollment, Frame

__all__ = [
    "EncodedPhoto",
    "capture_photos",
    "encode_file",
    "encode_frame",
    "encode_photos",
    "fill_in_names",
    "read_enrollment",
    "require_pictures",
]

_UNNAMED = "bytes"
"""What the daemon calls a photo."""


@contextmanager
def fill_in_names(photos: Sequence[str]) -> Iterator[None]:
    """Fill the names of photos into an error of the daemon, which was sent bytes without names.

    Raises:
        EnrollmentError: none of the photos can be used; the message says why, one by one.
    """
    from onlyme.errors import EnrollmentError

    try:
        yield
    except EnrollmentError as error:
        first, *notes = str(error).split(f"\n  {_UNNAMED}: ")
        named = [f"\n  {photo}: {note}" for photo, note in zip(photos, notes, strict=False)]
        raise EnrollmentError("".join([first, *named])) from None


def read_enrollment(answer: dict[str, Any], photos: Sequence[str]) -> Enrollment:
    """Return the daemon's answer as an enrollment of these photos, in the order sent.

    The daemon was sent bytes and knows no names of files, so the names are filled in here.
    """
    from onlyme.types import Enrollment, PhotoReport

    reports = [
        PhotoReport(photo, report["taken"], report["note"].replace(_UNNAMED, "another photo"))
        for photo, report in zip(photos, answer["me"] + answer["not_me"], strict=True)
    ]
    count = len(answer["me"])
    return Enrollment(
        name=answer["name"],
        me=tuple(reports[:count]),
        not_me=tuple(reports[count:]),
        alpha=answer["alpha"],
        far=answer["far"],
        notes=tuple(answer["notes"]),
        advice=tuple(answer["advice"]),
        created=datetime.fromisoformat(answer["created"]),
        seconds=answer["seconds"],
    )


class EncodedPhoto(NamedTuple):
    """A photo as the daemon takes it.

    Attributes:
        data: the file's content in base64.
        kind: what took it; one of `onlyme.ExampleKind`.
    """

    data: str
    kind: str = "photo"


def require_pictures(
    pictures: dict[str, EncodedPhoto], camera: str | None = None, advice: str = ""
) -> dict[str, EncodedPhoto]:
    """Return pictures to enroll from, if there are any.

    Args:
        pictures: by their names.
        camera: which they are from; None for photos.
        advice: what the person was told last.

    Raises:
        CameraError: the camera showed no face that fits.
        EnrollmentError: none of the photos could be read.
    """
    from onlyme.errors import CameraError, EnrollmentError

    if pictures:
        return pictures
    if camera is None:
        raise EnrollmentError("none of these photos can be read, so nothing was enrolled")
    last = f" What was wrong last: {advice}" if advice else ""
    raise CameraError(
        f"camera {camera}: no picture of a face could be taken, so nothing was enrolled.{last}"
    )


def encode_photos(paths: list[Path] | None) -> dict[str, EncodedPhoto]:
    """Return photos in the form that the daemon takes, by their paths here."""
    from onlyme.enrollment.expand import is_video
    from onlyme.errors import ImageError
    from onlyme.image.sources import list_photos
    from onlyme.types import PhotoReport

    encoded: dict[str, EncodedPhoto] = {}
    for given in paths or ():
        if is_video(given):
            encoded |= _encode_frames(str(given))
            continue
        try:
            for path in list_photos(given):
                encoded[str(path)] = EncodedPhoto(encode_file(path))
        except (ImageError, OSError) as error:  # what can be read is used
            cause = getattr(error, "cause", None) or getattr(error, "strerror", None)
            report = PhotoReport(str(given), taken=False, note=str(cause))
            say(output.format_photo(report), err=True)
    return encoded


def encode_file(path: Path) -> str:
    """Return a file's bytes as text: the daemon opens no path that a user names."""
    return b64encode(path.read_bytes()).decode()


def encode_frame(frame: Frame) -> EncodedPhoto:
    """Return a frame of a camera or video as a picture without loss."""
    import cv2

    from onlyme.enrollment.expand import find_kind

    bgr = cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2BGR)
    png = cv2.imencode(".png", bgr)[1].tobytes()
    return EncodedPhoto(b64encode(png).decode(), str(find_kind(frame)))


def capture_photos(camera: str) -> dict[str, EncodedPhoto]:
    """Return enrolment frames of a camera, as pictures without loss."""
    output.ask_for_head_turns()
    return _encode_frames(options.parse_source(camera))


def _encode_frames(source: str | int) -> dict[str, EncodedPhoto]:
    """Return enrolment frames of a camera or video, by names for messages."""
    from onlyme.enrollment.camera import EnrollmentCamera
    from onlyme.types import PhotoReport

    capture, encoded = EnrollmentCamera(source), {}
    for number, frame in enumerate(capture.frames(), 1):
        capture.add_report(PhotoReport(frame.source, taken=True))  # the daemon judges them
        encoded[f"{frame.source}, picture {number}"] = encode_frame(frame)
    return encoded
