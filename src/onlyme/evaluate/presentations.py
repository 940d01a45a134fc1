"""Judge a folder of presentations, of living people and of attacks, one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from onlyme.errors import CameraError, ImageError, UsageError
from onlyme.image.decode import decode
from onlyme.image.sources import PHOTO_SUFFIXES, list_photos, read_frames
from onlyme.types import Frame, Liveness, Verdict

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

__all__ = [
    "MAX_FRAMES",
    "MAX_FRAMES_PER_SECOND",
    "LivenessChecker",
    "judge_presentation",
    "read_presentation_frames",
    "walk_presentations",
]

MAX_FRAMES = 8
"""The most frames of a video that are judged."""

MAX_FRAMES_PER_SECOND = 15.0
"""The most frames of a second of video that are judged; 8 frames are half a second."""

LivenessChecker: TypeAlias = Callable[[Path | list[Path] | list[Frame]], Liveness]
"""Checks one photo, several photos, or frames, as `onlyme.check_liveness` does."""


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
            f"{root} has no presentations; make folders live, print, replay … in it, and put "
            "pictures, videos or folders of frames into them"
        )


def judge_presentation(
    path: Path, check: LivenessChecker, frame_rate: float | None = None
) -> tuple[Verdict, str]:
    """Judge one presentation.

    Args:
        path: a picture, a video or a folder of frames.
        check: says whether pictures or frames show a living person.
        frame_rate: at how many a second the frames of a folder were taken, which is needed where
            a camera repeats frames; None: 15, and all of them are judged. A video says it itself.

    Returns:
        The verdict, and why the presentation could not be judged; empty when it could.
    """
    try:
        if path.is_dir() and frame_rate is not None:
            liveness = check(_choose_frames(_read_folder(path, frame_rate)))
        elif path.is_dir():
            liveness = check(list(list_photos(path)))
        elif path.suffix.lower() in PHOTO_SUFFIXES:
            liveness = check(path)
        else:
            liveness = check(read_presentation_frames(path))
    except (ImageError, CameraError) as error:
        return Verdict.UNDECIDED, str(error)
    return liveness.verdict or Verdict.UNDECIDED, ""


def read_presentation_frames(path: Path) -> list[Frame]:
    """Return the first frames of a video, at the rate of a camera's attempt.

    Raises:
        CameraError: it is not a video that can be read.
    """
    return _choose_frames(read_frames(path))


def _read_folder(path: Path, rate: float) -> Iterator[Frame]:
    for number, photo in enumerate(list_photos(path)):
        yield replace(decode(photo), at=number / rate)


def _choose_frames(frames: Iterable[Frame]) -> list[Frame]:
    return list(islice(_thin_frames(frames), MAX_FRAMES))


def _thin_frames(frames: Iterable[Frame]) -> Iterator[Frame]:
    due = 0.0
    for frame in frames:
        if frame.at + 1e-3 >= due:
            due = frame.at + 1 / MAX_FRAMES_PER_SECOND - 1e-3
            yield frame
