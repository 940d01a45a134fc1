"""A folder of presentations comes in, live ones and attacks; the verdict on each goes out."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from onlyme.errors import CameraError, ImageError, UsageError
from onlyme.faceid.functions import check_liveness
from onlyme.image.sources import PHOTO_SUFFIXES, list_photos, read_frames
from onlyme.types import Verdict

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from onlyme.types import Frame

__all__ = ["judge_presentation", "read_capture", "walk_presentations"]

PRESENTATION_FRAMES = 8
"""So many frames of a video are looked at …"""

PRESENTATION_FRAMES_PER_SECOND = 15.0
"""… taken at most so many times a second: half a second of it."""


def walk_presentations(folder: str | os.PathLike[str]) -> Iterator[tuple[str, Path]]:
    """Walk over a folder with one folder for each kind: `live`, `print`, `replay` and so on.

    In them every picture, every video and every folder of frames is one presentation.

    Yields:
        The kind and the path of each presentation, in order.

    Raises:
        UsageError: there are no such folders, or nothing in them.
    """
    root = Path(folder)
    kinds = sorted(path for path in root.glob("*") if path.is_dir() and path.name[0] != ".")
    found = 0
    for kind in kinds:
        for path in sorted(kind.iterdir()):
            if path.name[0] != ".":
                found += 1
                yield kind.name, path
    if not found:
        raise UsageError(
            f"{root}: holds no presentations; make folders live, print, replay … in it, and put "
            "pictures, videos or folders of frames into these"
        )


def judge_presentation(path: Path) -> tuple[Verdict, str]:
    """Judge one presentation; also say why it got no answer, where it got none."""
    try:
        if path.is_dir():
            answer = check_liveness(list(list_photos(path)))
        elif path.suffix.lower() in PHOTO_SUFFIXES:
            answer = check_liveness(path)
        else:
            answer = check_liveness(read_capture(path))
    except (ImageError, CameraError) as error:
        return Verdict.UNDECIDED, str(error)
    return answer.verdict or Verdict.UNDECIDED, ""


def read_capture(path: Path) -> list[Frame]:
    """Return the frames of a video's beginning that a camera's attempt would see.

    Raises:
        CameraError: it is no video that can be read.
    """
    return list(islice(_thin_frames(path), PRESENTATION_FRAMES))


def _thin_frames(path: Path) -> Iterator[Frame]:
    due = 0.0
    for frame in read_frames(path):
        if frame.at + 1e-3 >= due:
            due = frame.at + 1 / PRESENTATION_FRAMES_PER_SECOND - 1e-3
            yield frame
