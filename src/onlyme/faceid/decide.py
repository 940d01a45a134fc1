"""Decide about pictures, frames, videos and cameras: the only place that assembles a capture.

The command line, the daemon, the service and the evaluation call `FaceID.verify`, `identify` and
`watch`, which call this module. None of them assembles a capture, a judge or a gate of its own.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from onlyme.enrollment.expand import holds_many
from onlyme.errors import UsageError, check_callback, show_argument
from onlyme.face.tracker import SAME_PERSON_COSINE
from onlyme.image.sources import CameraCapture
from onlyme.liveness.attention import AttentionSession, EyeLevel
from onlyme.types import AttentionLevel, LivenessLevel
from onlyme.verification.attempt import ATTEMPT_FRAMES, CaptureSession, decide_capture
from onlyme.verification.challenge import ChallengeCeremony
from onlyme.verification.decisions import apply_liveness, decide_photo, judge_photo, reject_unseen
from onlyme.verification.gesture import GestureCeremony
from onlyme.verification.levels import check_attention, check_level
from onlyme.verification.pair import PairSession
from onlyme.verification.stream import decide_attempts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from numpy.typing import NDArray

    from onlyme.enrollment.photos import Photo, Picture
    from onlyme.face.pipeline import Observation, Pipeline
    from onlyme.faceid.enrolled import Enrolled
    from onlyme.faceid.wiring import Parts
    from onlyme.liveness.gestures import Gesture
    from onlyme.liveness.judge import Judge
    from onlyme.siamese.owner import Owner
    from onlyme.types import Decision, Frame
    from onlyme.verification.protocols import Ceremony

    Source = str | int | os.PathLike[str]

__all__ = [
    "WatchPlan",
    "check_candidates",
    "identify_observation",
    "identify_picture",
    "open_source",
    "verify_capture",
    "verify_picture",
    "watch_person",
]

MAX_LISTED_CANDIDATES = 100
"""The most candidates that one decision lists."""


def verify_picture(
    owner: Owner,
    image: Photo,
    pipeline: Pipeline,
    judge: Judge | None,
    level: LivenessLevel,
    on_observation: Callable[[Observation], None] | None = None,
) -> Decision:
    """Decide whether a picture shows an owner."""
    observation = pipeline.look(image)
    if on_observation is not None:
        on_observation(observation)
    return decide_photo(owner, observation, judge, level)


def verify_capture(
    owner: Owner,
    frames: Iterable[Picture],
    pipeline: Pipeline,
    judge: Judge | None,
    level: LivenessLevel,
    on_observation: Callable[[Observation], None] | None = None,
) -> Decision:
    """Decide whether the frames of one capture show an owner.

    Raises:
        UsageError: there is no frame, or they show different faces.
    """
    vectors: list[NDArray[np.float32]] = []

    def look() -> Iterator[Observation]:
        for frame in frames:
            observation = pipeline.look(frame)
            if observation.embedding is not None:
                vectors.append(observation.embedding.vector)
                _refuse_unlike(vectors)
            if on_observation is not None:
                on_observation(observation)
            yield observation

    return decide_capture(owner, look(), judge, level)


def _refuse_unlike(vectors: list[NDArray[np.float32]]) -> None:
    """Refuse pictures of different people: the best of them must not speak for the others."""
    mean = np.sum(vectors[:-1], axis=0, dtype=np.float64)
    if len(vectors) > 1 and vectors[-1] @ mean < SAME_PERSON_COSINE * np.linalg.norm(mean):
        raise UsageError(
            "the frames show different people; frames=… takes the frames of one capture of one "
            "person, and verify_all takes many pictures"
        )


def check_candidates(count: object) -> None:
    """Refuse a number of candidates that cannot be listed.

    Raises:
        UsageError: it is not a whole number from 0 to 100.
    """
    if type(count) is not int or not 0 <= count <= MAX_LISTED_CANDIDATES:
        raise UsageError(f"candidates is a whole number from 0 to {MAX_LISTED_CANDIDATES}")


def identify_picture(
    enrolled: Enrolled,
    image: Photo,
    pipeline: Pipeline,
    judge: Judge | None,
    level: LivenessLevel,
    candidates: int = 0,
) -> Decision:
    """Decide which of the enrolled people a picture shows, if any."""
    observation = pipeline.look(image)
    if observation.embedding is None:
        return reject_unseen(observation)
    return identify_observation(enrolled, observation, judge, level, candidates)


def identify_observation(
    enrolled: Enrolled,
    observation: Observation,
    judge: Judge | None,
    level: LivenessLevel,
    candidates: int = 0,
) -> Decision:
    """Decide which of the enrolled people an embedded face shows, if any."""
    liveness, spent = judge_photo(observation, judge, level)
    (decision,) = enrolled.identify([observation], candidates)
    decision = decision.add_cost(decision.timings_ms | spent, decision.frames)
    return apply_liveness(decision, liveness)


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """How to watch; see `FaceID.watch`.

    Attributes:
        liveness: the level at which a photo in place of the person is looked for.
        attention: what the eyes must show; None: as the settings say, or else `off`.
        ask: called with an arrow and words when the person should do something.
        gate: whether attempts are counted; None: only those of a camera.
        source: the name of the source in the count and the log; None: a name for its kind.
        frames_per_attempt: the number of different frames of a face that end an attempt; None: 5.
        on_observation: called with what each frame showed, before the decision.
        gesture: what the person must do in each attempt; None: nothing.
    """

    liveness: LivenessLevel | str = LivenessLevel.PASSIVE
    attention: AttentionLevel | str | None = None
    ask: Callable[[str, str], None] | None = None
    gate: bool | None = None
    source: str | None = None
    frames_per_attempt: int | None = None
    on_observation: Callable[[Observation], None] | None = None
    gesture: Gesture | str | None = None

    def make_session(self, parts: Parts, find_owner: Callable[[], Owner]) -> CaptureSession:
        """Start a session for one stream; only the networks that it needs are loaded.

        Args:
            parts: the parts of the FaceID.
            find_owner: returns the person whom the camera should see.

        Raises:
            UsageError: there is no such level or gesture, or a gesture was given with a challenge.
            ModelMissing, ModelRefused: a network that it needs is not the one of the manifest.
        """
        level = check_level(self.liveness)
        judge = None if level is LivenessLevel.OFF else parts.judge()
        frames = _check_frame_count(self.frames_per_attempt)
        check_callback("ask", self.ask)
        check_callback("on_observation", self.on_observation)
        ceremony: Ceremony | None = None
        if self.gesture is not None:
            if level is LivenessLevel.CHALLENGE:
                raise UsageError("a challenge asks for gestures already; give no gesture with it")
            ceremony = GestureCeremony(self.gesture, frames, self.ask)
        elif level is LivenessLevel.CHALLENGE and judge is not None and self.ask is not None:
            ceremony = ChallengeCeremony(self.ask)
        session = CaptureSession(judge, level, frames, ceremony)
        attention = check_attention(
            (parts.settings.attention or "off") if self.attention is None else self.attention
        )
        if attention is not AttentionLevel.OFF:
            session.attention = AttentionSession(attention, moving=ceremony is not None)
            session.find_eyes = lambda: EyeLevel.learn(find_owner().eyes)
        if ceremony is not None or session.attention is not None:
            session.read_head = parts.mesh().read
        return session

    def prepare_second(
        self, parts: Parts, find_owner: Callable[[], Owner]
    ) -> Callable[[], CaptureSession] | None:
        """Return what makes the session of a second camera; None where one camera decides.

        What the person is asked to do is asked once, and seen by the first camera.
        """
        if self.gesture is not None or check_level(self.liveness) is LivenessLevel.CHALLENGE:
            return None
        return lambda: self.make_session(parts, find_owner)


def watch_person(
    find_owner: Callable[[], Owner],
    source: Source | Iterable[Frame | Picture],
    plan: WatchPlan,
    parts: Parts,
) -> Generator[Decision, None, None]:
    """Decide attempt after attempt until the source ends.

    Args:
        find_owner: returns the person whom the camera should see, with changes made meanwhile.
        source: a camera's number or path, a video file, or frames.
        plan: the options of `FaceID.watch`.
        parts: those of the `FaceID`.

    Raises:
        UnknownOwner: the person is not enrolled, or not any more.
        CameraError: the camera cannot be used.
        UsageError: the source is one picture, not a camera, a video or frames; see also
            `WatchPlan.make_session`.
    """
    session = PairSession(
        plan.make_session(parts, find_owner), plan.prepare_second(parts, find_owner)
    )
    name = find_owner().name
    with open_source(source) as (frames, is_camera, label):
        observations = _observe(parts.pipeline(), frames, find_owner, plan.on_observation)
        decisions = decide_attempts(find_owner, observations, session)
        if plan.gate or (plan.gate is None and is_camera):
            decisions = parts.admin.gate.attempt_each(name, plan.source or label, decisions)
        yield from decisions


def _check_frame_count(count: object) -> int:
    """Return how many different frames of a face end an attempt."""
    if count is None:
        return ATTEMPT_FRAMES
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise UsageError(f"frames_per_attempt is 1 or more, not {show_argument(count)}")
    return count


def _observe(
    pipeline: Pipeline,
    frames: Iterable[Frame | Picture],
    find_owner: Callable[[], Owner],
    on_observation: Callable[[Observation], None] | None,
) -> Iterator[Observation]:
    first, second = pipeline.follow(), pipeline.follow()
    for frame in frames:
        find_owner()  # raises if the person was forgotten meanwhile
        observation = first.look(frame)
        if observation.frame.beside is not None:
            observation = replace(observation, beside=second.look(observation.frame.beside))
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
    elif not holds_many(source):
        raise UsageError("give a camera, a video file, or frames in a list")
    else:
        yield source, False, "frames"
