"""Select enrolment frames from a camera by pose, and advise the person what to do next.

`onlyme.enrollment.camera` takes frames of any pose. Guided enrolment looks at every frame, says
what to do next, and takes frames until it has each pose: from the front, and with the head turned
a little to either side. A person enrolled only from the front is not recognised from the side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from onlyme.enrollment.advice import SIDE_YAW_DEGREES
from onlyme.enrollment.camera import FRAME_INTERVAL_SECONDS
from onlyme.face.enrollment_quality import assess_for_enrollment, is_only_covered
from onlyme.face.geometry import scale_to_frame
from onlyme.face.pose import estimate_pose
from onlyme.face.quality import is_nearly_black
from onlyme.face.subject import choose_subject
from onlyme.types import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from onlyme.face.protocols import FaceDetector
    from onlyme.types import Face, Frame, PhotoReport

__all__ = ["MAX_GUIDED_SECONDS", "WANTED_PHOTOS", "Guidance", "Guide", "Pose"]


class Pose(StrEnum):
    """The direction of a head, as the person sees it."""

    FRONT = "front"
    LEFT = "left"
    RIGHT = "right"


WANTED_PHOTOS: Final = {Pose.FRONT: 3, Pose.LEFT: 2, Pose.RIGHT: 2}
"""Photos wanted of each pose, in the order in which they are asked for: seven together, as many
as the article's owner gave and as `onlyme.enrollment.camera` takes."""

MAX_GUIDED_SECONDS: Final = 60.0
"""Seconds after which it ends with the photos it has. To turn the head takes time."""

MAX_IDLE_FRAMES: Final = 3
"""Frames of one pose that show nothing new, after which one photo fewer of it is wanted."""

_MAX_YAW_DEGREES: Final = 45.0
"""A head turned farther, in degrees, shows too little of the face to learn well from."""

_MIN_FACE_SHARE, _MAX_FACE_SHARE = 0.28, 0.85
"""Limits of the larger of the face's shares of the frame's width and height. Below, the face is
too far away for good detail; above, the surroundings that passive liveness needs are cut off."""

_MAX_OFFSET_SHARE: Final = 0.22
"""The face's centre may be this share of the frame away from the frame's centre."""

_ASK: Final = {
    Pose.FRONT: "Look straight into the camera.",
    Pose.LEFT: "Turn your head a little to your left.",
    Pose.RIGHT: "Turn your head a little to your right.",
}
_NO_SUBJECT: Final = {
    Reason.NO_FACE: "No face is seen. Put your face into the oval.",
    Reason.MANY_FACES: "Several faces are seen. Only you should be in the picture.",
}

_TOO_DARK: Final = "Turn on a light, or uncover the camera."


@dataclass(frozen=True, slots=True)
class Guidance:
    """What one frame shows, and what the person should do next.

    Attributes:
        box: left, top, width, height of the face as shares of the frame; None without one.
        fits: whether the face is in the oval, and good enough to learn from.
        pose: the direction of the head; None without a face.
        advice: one plain sentence that says what to do.
        covered: photos of each pose so far, at most as many as are `WANTED_PHOTOS`.
        asked: the pose to turn to; None when the present one is wanted, or when `advice` names
            another problem.
    """

    box: tuple[float, float, float, float] | None
    fits: bool
    pose: Pose | None
    advice: str
    covered: dict[Pose, int]
    asked: Pose | None = None


class Guide:
    """One guided enrolment.

    Pass the frames of `frames` to `FaceID.enroll`, and `add_report` as its `on_photo`.

    Args:
        detector: finds the face of each frame.
        say: called with the guidance for each frame.
        allow_cover: see `onlyme.enrollment.photos.PhotoCollector`.
    """

    def __init__(
        self,
        detector: FaceDetector,
        say: Callable[[Guidance], None],
        *,
        allow_cover: bool = False,
    ) -> None:
        self._detector = detector
        self._say = say
        self._allow_cover = allow_cover
        self._covered = dict.fromkeys(WANTED_PHOTOS, 0)
        self._idle = dict.fromkeys(WANTED_PHOTOS, 0)
        self._shown: Pose | None = None
        self._finished = False

    @property
    def coverage(self) -> dict[Pose, int]:
        """Photos of each pose so far."""
        return dict(self._covered)

    def is_done(self) -> bool:
        """Say whether all wanted photos are there, or `finish` was called."""
        return self._finished or self._choose_pose() is None

    def finish(self) -> None:
        """End with the photos that are there: some people cannot turn their head."""
        self._finished = True

    def add_report(self, report: PhotoReport) -> None:
        """Count the frame that was yielded last."""
        shown, self._shown = self._shown, None
        if shown is None:
            return
        if report.taken:
            self._covered[shown] += 1
            self._idle[shown] = 0
        elif report.quality is not None and report.quality.ok:  # the same picture as another
            self._idle[shown] += 1
            if self._idle[shown] >= MAX_IDLE_FRAMES:
                self._covered[shown] += 1
                self._idle[shown] = 0

    def frames(self, camera: Iterable[Frame]) -> Iterator[Frame]:
        """Yield frames of a wanted pose, at least `FRAME_INTERVAL_SECONDS` apart."""
        first = last = None
        for frame in camera:
            first = frame.at if first is None else first
            if self.is_done() or frame.at - first > MAX_GUIDED_SECONDS:
                return
            guidance = self._judge(frame)
            self._say(guidance)
            pose = guidance.pose if guidance.fits else None
            wanted = pose is not None and self._wants(pose)
            if wanted and (last is None or frame.at - last >= FRAME_INTERVAL_SECONDS):
                last, self._shown = frame.at, pose
                yield frame
                if self.is_done():  # say so at once, before another frame comes
                    covered = self.coverage
                    self._say(replace(guidance, advice="Done.", covered=covered, asked=None))
                    return

    # ------------------------------------------------------------------ within

    def _wants(self, shown: Pose) -> bool:
        return self._covered[shown] < WANTED_PHOTOS[shown]

    def _choose_pose(self) -> Pose | None:
        return next(filter(self._wants, WANTED_PHOTOS), None)

    def _judge(self, frame: Frame) -> Guidance:
        chosen = choose_subject(self._detector.detect(frame.pixels), frame.pixels.shape)
        if isinstance(chosen, Reason):
            dark = chosen is Reason.NO_FACE and is_nearly_black(frame.pixels)
            advice = _TOO_DARK if dark else _NO_SUBJECT[chosen]
            return Guidance(None, fits=False, pose=None, advice=advice, covered=self.coverage)
        box = scale_to_frame(chosen.box, frame.pixels.shape)
        yaw = estimate_pose(chosen.landmarks)[0]
        shown = (
            Pose.LEFT
            if yaw > SIDE_YAW_DEGREES
            else Pose.RIGHT
            if yaw < -SIDE_YAW_DEGREES
            else Pose.FRONT
        )
        problem = (
            _advise_position(box)
            or _advise_quality(frame, chosen, allow_cover=self._allow_cover)
            or _advise_turn(yaw)
        )
        asked = None if problem or self._wants(shown) else self._choose_pose()
        advice = problem or (_ASK[asked] if asked else self._advise_good(shown))
        return Guidance(box, not problem, shown, advice, self.coverage, asked)

    def _advise_good(self, shown: Pose) -> str:
        if self._idle[shown]:
            return "Good. Now move your head a little."
        return "Good. Hold still."


def _advise_position(box: tuple[float, float, float, float]) -> str:
    """Say how to move so that the face fills the oval; empty when it does."""
    left, top, width, height = box
    if max(width, height) < _MIN_FACE_SHARE:
        return "Come closer."
    if max(width, height) > _MAX_FACE_SHARE:
        return "Move back a little."
    across, down = left + width / 2 - 0.5, top + height / 2 - 0.5
    if abs(across) > _MAX_OFFSET_SHARE and abs(across) >= abs(down):
        # The picture is not mirrored: its left is the person's right.
        return f"Move a little to your {'left' if across < 0 else 'right'}."
    if abs(down) > _MAX_OFFSET_SHARE:
        return f"Move {'down' if down < 0 else 'up'} a little, or tilt the camera."
    return ""


def _advise_quality(frame: Frame, face: Face, *, allow_cover: bool) -> str:
    """Say what makes the face unfit to learn from; the limits are those of any photo."""
    quality = assess_for_enrollment(frame.pixels, face.box, face.landmarks)
    return "" if allow_cover and is_only_covered(quality) else quality.advice


def _advise_turn(yaw: float) -> str:
    return "Turn back a little: that is too far." if abs(yaw) > _MAX_YAW_DEGREES else ""
