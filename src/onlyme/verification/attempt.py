"""Cut a stream of observations into attempts, and fuse each attempt into one decision.

An attempt is one capture of at most three seconds. Its frames are fused into one decision. It is
never enough that any one frame passes: then every frame would be one more try for a stranger, and
the promised false accept rate would not hold for the attempt. Liveness and identity are judged on
the same frames, and these show one face without a break: if another face takes its place, the
attempt starts over, while its three seconds continue.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError
from onlyme.face.pipeline import time_stage
from onlyme.face.tracker import FaceContinuity
from onlyme.liveness.attention import measure_eyes
from onlyme.liveness.judge import MIN_FRAMES, UNDECIDED
from onlyme.types import Decision, Liveness, LivenessLevel, Verdict
from onlyme.verification.decisions import (
    apply_liveness,
    collect_votes,
    count_moments,
    decide_identity,
    make_unjudged,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from onlyme.face.pipeline import Observation
    from onlyme.liveness.attention import AttentionSession, EyeLevel
    from onlyme.liveness.judge import Judge, LivenessSession
    from onlyme.siamese.owner import Owner
    from onlyme.types import Face, HeadReading
    from onlyme.verification.protocols import Ceremony

__all__ = [
    "ATTEMPT_FRAMES",
    "ATTEMPT_SECONDS",
    "CaptureAbandoned",
    "CaptureSession",
    "decide_capture",
    "judge_capture",
]

ATTEMPT_FRAMES = 5
"""An attempt ends with this many embeddings, once liveness was judged in enough frames."""

ATTEMPT_SECONDS = 3.0
"""An attempt ends after this time in any case."""


_NO_PIXELS = np.empty((0, 0, 3), np.uint8)


class CaptureAbandoned(Exception):  # noqa: N818 - a state, read as one in `except CaptureAbandoned`
    """Raised by a source of frames when the person left: the last frames are no attempt."""


@dataclass(slots=True)
class CaptureSession:
    """The current attempt on a stream; after its end, the next one on the same stream.

    Attributes:
        judge: tells a person from a photo or screen; without it only the level `off` accepts.
        level: the level of liveness.
        frames: the number of embeddings that end an attempt.
        ceremony: what the person has to do; it decides when an attempt ends.
        read_head: reads the mesh of a face in a frame; None where nothing needs it.
        attention: whether the eyes are open; None where that is not asked for.
        find_eyes: returns the level of the owner's open eyes, if it is known.
        observations: the observations of the current attempt, without their pixels.
        faces: the number of different faces so far, in all attempts.
    """

    judge: Judge | None = None
    level: LivenessLevel = LivenessLevel.OFF
    frames: int = ATTEMPT_FRAMES
    ceremony: Ceremony | None = None
    read_head: Callable[[NDArray[np.uint8], Face], HeadReading | None] | None = None
    attention: AttentionSession | None = None
    find_eyes: Callable[[], EyeLevel | None] = lambda: None
    observations: list[Observation] = field(default_factory=list)
    faces: int = 0
    _began: float = 0.0
    _continuity: FaceContinuity = field(default_factory=FaceContinuity)
    _liveness: LivenessSession | None = None

    def __post_init__(self) -> None:
        if self.judge is not None and self.level is not LivenessLevel.OFF:
            self._liveness = self.judge.start_session()

    def add(self, observation: Observation) -> None:
        """Add what the next frame showed."""
        at, face, embedding = observation.frame.at, observation.face, observation.embedding
        if not self.observations:
            self._began = at
        spent: dict[str, float] = {}
        continues, head = False, None
        if face is not None and embedding is not None:
            continues = self._continuity.add_face(at, face, embedding.vector)
            if not continues:
                self._start_over()
            if self.read_head is not None and self._needs_head():
                with time_stage(spent, "mesh"):
                    head = self.read_head(observation.frame.pixels, face)
                    self._check_eyes(observation, head)
            if self.judge is not None and self._liveness is not None:
                with time_stage(spent, "liveness"):
                    self._look(self.judge, self._liveness, observation, face)
        if self.ceremony is not None:
            with time_stage(spent, "challenge"):
                self.ceremony.add(observation, head, continues=continues)
        frame = replace(observation.frame, pixels=_NO_PIXELS, beside=None)  # which take 100 MB
        timings = observation.timings_ms | spent
        self.observations.append(replace(observation, frame=frame, timings_ms=timings, beside=None))

    def is_late(self, at: float) -> bool:
        """Return whether a frame taken at this time comes after the end of the attempt."""
        timed = bool(self.observations) and self.ceremony is None
        return timed and at - self._began > ATTEMPT_SECONDS

    @property
    def is_full(self) -> bool:
        """Whether the attempt has enough evidence, or enough frames without a face."""
        if self.ceremony is not None:
            return self.ceremony.is_over
        unseen = [one for one in self.observations if one.embedding is None]
        faces = [one for one in self.observations if one.embedding is not None]
        if count_moments(unseen) >= self.frames:
            return True
        if min(len(collect_votes(faces)), count_moments(faces)) < self.frames:
            return False
        is_judged = self.attention is None or self.attention.is_settled
        return is_judged and (self._liveness is None or self._liveness.is_decided)

    def prepare(self) -> None:
        """Do now, while the camera takes it, what a decision with the next frame needs."""
        if self._liveness is None or self.ceremony is not None:
            return
        seen = sum(one.embedding is not None for one in self.observations)
        if seen >= self.frames - 1 and (self.attention is None or self.attention.is_settled):
            self._liveness.prepare()

    @property
    def is_fragment(self) -> bool:
        """Whether it shows only the last attempt's face, in too few frames to judge it."""
        if self.ceremony is not None or any(one.embedding is None for one in self.observations):
            return False
        unread = self.attention is not None and self.attention.is_fragment
        one = self._liveness
        return unread or (one is not None and one.settled and not one.has_enough_frames)

    def end(self, owner: Owner) -> Decision:
        """Decide about the attempt, and start the next one."""
        observations, liveness = self.observations, self.judge_liveness()
        if self.ceremony is not None:
            observations = self.ceremony.choose(observations)
        decision = apply_liveness(decide_identity(owner, observations), liveness)
        if self.attention is not None:
            decision = self.attention.confirm(decision)
            self.attention.begin()
        if self.ceremony is not None:
            decision = self.ceremony.confirm(decision)
            self.ceremony.restart()
        self.observations = []
        if self._liveness is not None:
            self._liveness.begin()
        return decision

    def judge_liveness(self) -> Liveness:
        """Judge whether the attempt shows a living person."""
        if self._liveness is None or all(one.embedding is None for one in self.observations):
            return make_unjudged(self.level)
        passive = self._liveness.verdict()
        if self.ceremony is not None:
            if passive.verdict is Verdict.UNDECIDED and self._is_infrared:
                passive = replace(passive, verdict=Verdict.LIVE)  # ceremonies need no colour
            return self.ceremony.judge(passive)
        if self.level is LivenessLevel.CHALLENGE and passive.verdict is Verdict.LIVE:
            return make_unjudged(self.level)  # there was no challenge
        return replace(passive, level=self.level)

    @property
    def _is_infrared(self) -> bool:
        """Whether an infrared camera took enough frames, and all that show a face."""
        frames = [one.frame.infrared for one in self.observations if one.embedding is not None]
        return len(frames) >= MIN_FRAMES and all(frames)

    def _start_over(self) -> None:
        self.observations = []
        self.faces += 1
        if self.attention is not None:
            self.attention.start_over()
        if self._liveness is not None:
            self._liveness.start_over()

    def _needs_head(self) -> bool:
        """Whether the mesh of the next frame is to be read: it takes as long as an embedding."""
        is_due = self.attention is not None and self.attention.is_due()
        return is_due or self.ceremony is not None

    def _check_eyes(self, observation: Observation, head: HeadReading | None) -> None:
        if self.attention is not None:
            frame = observation.frame
            reading = None if head is None else measure_eyes(frame.pixels, head)
            self.attention.add(frame.at, reading, self.find_eyes())

    def _look(
        self, judge: Judge, liveness: LivenessSession, observation: Observation, face: Face
    ) -> None:
        at, pixels = observation.frame.at, observation.frame.pixels
        if self.ceremony is not None or liveness.is_due(at):
            liveness.add(at, judge.look(pixels, face))
        else:
            liveness.add(at, fingerprint=judge.take_fingerprint(pixels, face))


def decide_capture(
    owner: Owner,
    observations: Iterable[Observation],
    judge: Judge | None = None,
    level: LivenessLevel = LivenessLevel.OFF,
) -> Decision:
    """Decide about a capture that is exactly one attempt.

    Raises:
        UsageError: it holds no frame.
    """
    return _add_all(observations, judge, level).end(owner)


def judge_capture(observations: Iterable[Observation], judge: Judge) -> Liveness:
    """Judge whether the frames of one capture show one living person throughout.

    Raises:
        UsageError: it holds no frame.
    """
    all_observations = list(observations)
    session = _add_all(all_observations, judge, LivenessLevel.PASSIVE)
    liveness = session.judge_liveness()
    # A change of faces is no sign of life, and neither is a face in at most half of the frames.
    changed = session.faces > 1 and liveness.verdict is Verdict.LIVE
    faces = sum(one.face is not None and one.embedding is not None for one in all_observations)
    return UNDECIDED if changed or 2 * faces <= len(all_observations) else liveness


def _add_all(
    observations: Iterable[Observation], judge: Judge | None, level: LivenessLevel
) -> CaptureSession:
    session = CaptureSession(judge, level)
    for observation in observations:
        session.add(observation)
    if not session.observations:
        raise UsageError("no frame was given")
    return session
