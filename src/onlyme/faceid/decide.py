"""Decide about pictures, frames, videos and cameras: the only place that assembles a capture.

The command line, the daemon, the service and the evaluation call `FaceID.verify`, `identify` and
`watch`, which call this module. None of them assembles a capture, a judge or a gate of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from onlyme.errors import UsageError
from onlyme.image.sources import CameraCapture
from onlyme.types import LivenessLevel
from onlyme.verification.attempt import (
    ATTEMPT_FRAMES,
    CaptureSession,
    apply_liveness,
    check_level,
    decide_attempts,
    decide_capture,
    decide_photo,
    judge_photo,
    reject_unseen,
)
from onlyme.verification.challenge import ChallengeCeremony

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from onlyme.enrollment.photos import Photo, Picture
    from onlyme.face.pipeline import Observation, Pipeline
    from onlyme.faceid.enrolled import Enrolled
    from onlyme.faceid.wiring import Parts
    from onlyme.gate.admission import Gate
    from onlyme.liveness.judge import Judge
    from onlyme.siamese.owner import Owner
    from onlyme.types import Decision, Frame

    Source = str | int | os.PathLike[str]

__all__ = ["WatchPlan", "identify_picture", "open_source", "verify_picture", "watch_person"]


def verify_picture(
    owner: Owner,
    image: Photo | list[Any] | tuple[Picture, ...] | Iterator[Picture],
    pipeline: Pipeline,
    judge: Judge | None,
    level: LivenessLevel,
) -> Decision:
    """Decide whether a picture, or the frames of one capture, show an owner."""
    if isinstance(image, (list, tuple, Iterator)):
        return decide_capture(owner, map(pipeline.look, image), judge, level)
    return decide_photo(owner, pipeline.look(image), judge, level)


def identify_picture(
    enrolled: Enrolled,
    image: Photo,
    pipeline: Pipeline,
    judge: Judge | None,
    level: LivenessLevel,
) -> Decision:
    """Decide which of the enrolled people a picture shows, if any."""
    observation = pipeline.look(image)
    if observation.embedding is None:
        return reject_unseen(observation)
    liveness, spent = judge_photo(observation, judge, level)
    (decision,) = enrolled.identify([observation])
    decision = decision.add_cost(decision.timings_ms | spent, decision.frames)
    return apply_liveness(decision, liveness)


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """How to watch; see `FaceID.watch`.

    Attributes:
        liveness: the level at which a photo in place of the person is looked for.
        ask: called with an arrow and words when the person should do something.
        gate: whether attempts are counted; None: only those of a camera.
        source: the name of the source in the count and the log; None: a name for its kind.
        frames_per_attempt: the number of different frames of a face that end an attempt; None: 5.
        on_observation: called with what each frame showed, before the decision.
    """

    liveness: LivenessLevel | str = LivenessLevel.PASSIVE
    ask: Callable[[str, str], None] | None = None
    gate: bool | None = None
    source: str | None = None
    frames_per_attempt: int | None = None
    on_observation: Callable[[Observation], None] | None = None

    def make_session(self, parts: Parts) -> CaptureSession:
        """Start a session for one stream; only the networks that it needs are loaded.

        Raises:
            UsageError: there is no such level of liveness.
            ModelRefused: the network for liveness is not the one that the manifest names.
        """
        level = check_level(self.liveness)
        judge = None if level is LivenessLevel.OFF else parts.judge()
        ceremony = None
        if level is LivenessLevel.CHALLENGE and judge is not None and self.ask is not None:
            ceremony = ChallengeCeremony(self.ask)
        frames = self.frames_per_attempt or ATTEMPT_FRAMES
        return CaptureSession(judge, level, frames, ceremony)


def watch_person(
    find_owner: Callable[[], Owner],
    source: Source | Iterable[Frame | Picture],
    session: CaptureSession,
    plan: WatchPlan,
    pipeline: Callable[[], Pipeline],
    gate: Gate,
) -> Generator[Decision, None, None]:
    """Decide attempt after attempt until the source ends.

    Args:
        find_owner: returns the person whom the camera should see, with changes made meanwhile.
        source: a camera's number or path, a video file, or frames.
        session: the session of this stream; see `WatchPlan.make_session`.
        plan: the options of `FaceID.watch`.
        pipeline: makes the pipeline that finds faces; called once the source is open.
        gate: counts attempts.

    Raises:
        UnknownOwner: the person is not enrolled, or not any more.
        CameraError: the camera cannot be used.
        UsageError: the source is one picture, not a camera, a video or frames.
    """
    name = find_owner().name
    with open_source(source) as (frames, is_camera, label):
        observations = _observe(pipeline().follow(), frames, find_owner, plan.on_observation)
        decisions = decide_attempts(find_owner, observations, session)
        if plan.gate or (plan.gate is None and is_camera):
            decisions = gate.attempt_each(name, plan.source or label, decisions)
        yield from decisions


def _observe(
    pipeline: Pipeline,
    frames: Iterable[Frame | Picture],
    find_owner: Callable[[], Owner],
    on_observation: Callable[[Observation], None] | None,
) -> Iterator[Observation]:
    for frame in frames:
        find_owner()  # raises if the person was forgotten meanwhile
        observation = pipeline.look(frame)
        if on_observation is not None:
            on_observation(observation)
        yield observation


@contextmanager
def open_source(
    source: Source | Iterable[Frame | Picture],
) -> Iterator[tuple[Iterable[Frame | Picture], bool, str]]:
    """Open a camera or video; yield its frames, whether it is a camera, and its name."""
    if isinstance(source, (str, int, os.PathLike)):
        with CameraCapture(source) as capture:
            yield capture, capture.is_camera, capture.label
    elif isinstance(source, (bytes, bytearray, memoryview, np.ndarray, Image.Image)):
        raise UsageError("give a camera, a video file, or frames in a list")
    else:
        yield source, False, "frames"
