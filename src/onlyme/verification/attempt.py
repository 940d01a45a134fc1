"""Cut a stream of observations into attempts, and fuse each attempt into one decision.

An attempt is one capture of at most three seconds. Its frames are fused into one decision. It is
never enough that any one frame passes: then every frame would be one more try for a stranger, and
the promised false accept rate would not hold for the attempt. Liveness and identity are judged on
the same frames, and these show one face without a break: if another face takes its place, the
attempt starts over, while its three seconds continue.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from onlyme.errors import UsageError
from onlyme.face.pipeline import time_stage
from onlyme.face.tracker import FaceContinuity
from onlyme.liveness.judge import UNDECIDED
from onlyme.types import Decision, Liveness, LivenessLevel, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from onlyme.face.pipeline import Observation
    from onlyme.liveness.judge import Judge, LivenessSession
    from onlyme.siamese.owner import Owner
    from onlyme.types import Embedding, Face, HeadReading

__all__ = [
    "ATTEMPT_FRAMES",
    "ATTEMPT_SECONDS",
    "CaptureAbandoned",
    "CaptureSession",
    "Ceremony",
    "apply_liveness",
    "check_level",
    "decide_attempts",
    "decide_capture",
    "decide_identity",
    "decide_photo",
    "judge_capture",
    "judge_photo",
    "reject_unseen",
]

ATTEMPT_FRAMES = 5
"""An attempt ends with this many embeddings, once liveness was judged in enough frames."""

ATTEMPT_SECONDS = 3.0
"""An attempt ends after this time in any case."""

MAX_FRAMES_PER_SECOND = 40.0
"""Faster frames add to an attempt's evidence, but do not end it sooner: a camera with 120 frames a
second would otherwise decide by a moment of 0.03 s."""

_NO_PIXELS = np.empty((0, 0, 3), np.uint8)
_REASONS = {Verdict.ATTACK: Reason.NOT_LIVE, Verdict.UNDECIDED: Reason.LIVENESS_UNDECIDED}


class CaptureAbandoned(Exception):  # noqa: N818 - a state, read as one in `except CaptureAbandoned`
    """Raised by a source of frames when the person left: the last frames are no attempt."""


class Ceremony(Protocol):
    """What a person has to do during an attempt, besides being seen: a challenge, for example."""

    @property
    def is_over(self) -> bool:
        """Whether the attempt may end."""

    def add(
        self, observation: Observation, head: HeadReading | None, /, *, continues: bool
    ) -> None:
        """Look at the next frame; `continues`: it shows the same face as the one before.

        Args:
            observation: what the frame showed.
            head: what the mesh read from its face; None without a face or a mesh.
            continues: whether it is the same face as in the frame before.
        """

    def choose(self, observations: list[Observation]) -> list[Observation]:
        """Return those of an attempt's observations that are used to decide the identity."""

    def judge(self, passive: Liveness) -> Liveness:
        """Combine passive liveness with what the person did."""

    def restart(self) -> None:
        """Prepare for the next attempt."""


@dataclass(slots=True)
class CaptureSession:
    """The current attempt on a stream; after its end, the next one on the same stream.

    Attributes:
        judge: tells a person from a photo or screen; without it only the level `off` accepts.
        level: the level of liveness.
        frames: the number of embeddings that end an attempt.
        ceremony: what the person has to do; it decides when an attempt ends.
        read_head: reads the mesh of a face in a frame; None where nothing needs it.
        observations: the observations of the current attempt, without their pixels.
        faces: the number of different faces so far, in all attempts.
    """

    judge: Judge | None = None
    level: LivenessLevel = LivenessLevel.OFF
    frames: int = ATTEMPT_FRAMES
    ceremony: Ceremony | None = None
    read_head: Callable[[NDArray[np.uint8], Face], HeadReading | None] | None = None
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
            if self.read_head is not None:
                with time_stage(spent, "mesh"):
                    head = self.read_head(observation.frame.pixels, face)
            if self.judge is not None and self._liveness is not None:
                with time_stage(spent, "liveness"):
                    self._look(self.judge, self._liveness, observation, face)
        if self.ceremony is not None:
            with time_stage(spent, "challenge"):
                self.ceremony.add(observation, head, continues=continues)
        # The pixels are no longer needed, and those of three seconds would take 100 MB.
        frame = replace(observation.frame, pixels=_NO_PIXELS)
        timings = observation.timings_ms | spent
        self.observations.append(replace(observation, frame=frame, timings_ms=timings))

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
        if _count_moments(unseen) >= self.frames:
            return True
        is_judged = self._liveness is None or self._liveness.is_decided
        return is_judged and min(len(_collect_votes(faces)), _count_moments(faces)) >= self.frames

    @property
    def is_fragment(self) -> bool:
        """Whether it shows only the last attempt's face, in too few frames to judge liveness."""
        if self._liveness is None or self.ceremony is not None:
            return False
        one_face = all(one.embedding is not None for one in self.observations)
        return one_face and self._liveness.settled and not self._liveness.has_enough_frames

    def end(self, owner: Owner) -> Decision:
        """Decide about the attempt, and start the next one."""
        observations, liveness = self.observations, self.judge_liveness()
        if self.ceremony is not None:
            observations = self.ceremony.choose(observations)
            self.ceremony.restart()
        decision = apply_liveness(decide_identity(owner, observations), liveness)
        self.observations = []
        if self._liveness is not None:
            self._liveness.begin()
        return decision

    def judge_liveness(self) -> Liveness:
        """Judge whether the attempt shows a living person."""
        if self._liveness is None or all(one.embedding is None for one in self.observations):
            return _make_unjudged(self.level)
        passive = self._liveness.verdict()
        if self.ceremony is not None:
            return self.ceremony.judge(passive)
        if self.level is LivenessLevel.CHALLENGE and passive.verdict is Verdict.LIVE:
            return _make_unjudged(self.level)  # there was no challenge
        return replace(passive, level=self.level)

    def _start_over(self) -> None:
        self.observations = []
        self.faces += 1
        if self._liveness is not None:
            self._liveness.start_over()

    def _look(
        self, judge: Judge, liveness: LivenessSession, observation: Observation, face: Face
    ) -> None:
        at, pixels = observation.frame.at, observation.frame.pixels
        if self.ceremony is not None or liveness.is_due(at):
            liveness.add(at, judge.look(pixels, face))
        else:
            liveness.add(at, fingerprint=judge.take_fingerprint(pixels, face))


def decide_attempts(
    find_owner: Callable[[], Owner],
    observations: Iterable[Observation],
    session: CaptureSession | None = None,
) -> Iterator[Decision]:
    """Cut a stream of observations into attempts and decide each.

    An attempt ends with its fifth embedding, but if liveness is asked for not before it was judged
    in three frames; after five frames without an embedding; or after three seconds. With a
    ceremony, it ends when that is over. The frames that remain when the stream ends are one more
    attempt, unless they are too few to judge whether the last attempt's face is still alive.

    Args:
        find_owner: returns the person whom the camera should see. It is called for each
            decision, so that a change by another process takes effect at once.
        observations: what the camera shows. If `CaptureAbandoned` is raised there, the stream ends
            and the current attempt is dropped.
        session: holds the level of liveness and the current attempt; by default identity alone
            is judged.
    """
    session = session or CaptureSession()
    try:
        for observation in observations:
            if session.is_late(observation.frame.at):
                yield session.end(find_owner())
            session.add(observation)
            if session.is_full:
                yield session.end(find_owner())
    except CaptureAbandoned:
        return
    if session.observations and not session.is_fragment:
        yield session.end(find_owner())


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


def check_level(level: LivenessLevel | str) -> LivenessLevel:
    """Return a level of liveness by its name.

    Raises:
        UsageError: there is no such level.
    """
    try:
        return LivenessLevel(level)
    except ValueError:
        levels = ", ".join(LivenessLevel)
        raise UsageError(f"no level of liveness is called {level!r}; levels: {levels}") from None


def decide_photo(
    owner: Owner,
    observation: Observation,
    judge: Judge | None = None,
    level: LivenessLevel = LivenessLevel.OFF,
) -> Decision:
    """Decide about one picture without other frames of the same capture."""
    liveness, spent = judge_photo(observation, judge, level)
    timings = observation.timings_ms | spent
    decision = decide_identity(owner, [replace(observation, timings_ms=timings)])
    if decision.reason is Reason.NO_MATCH:
        quality = observation.quality  # a property that measures whenever it is read
        if quality is not None and not quality.ok:
            decision = decision.replace_reason(Reason.POOR_QUALITY)
    return apply_liveness(decision, liveness)


def judge_photo(
    observation: Observation, judge: Judge | None, level: LivenessLevel
) -> tuple[Liveness, dict[str, float]]:
    """Judge whether one picture shows a living person; one picture cannot meet a challenge.

    Returns:
        The judgement, and the milliseconds that it took, by stage.
    """
    if level is not LivenessLevel.PASSIVE or judge is None or observation.face is None:
        return _make_unjudged(level), {}
    spent: dict[str, float] = {}
    with time_stage(spent, "liveness"):
        liveness = judge.judge_photo(judge.look(observation.frame.pixels, observation.face))
    return liveness, spent


def apply_liveness(decision: Decision, liveness: Liveness) -> Decision:
    """Combine identity and liveness: only a face that was judged to be live is accepted."""
    if decision.accepted and liveness.level is not LivenessLevel.OFF:
        reason = _REASONS.get(liveness.verdict or Verdict.UNDECIDED)
        if reason is not None:
            return replace(decision, accepted=False, reason=reason, liveness=liveness)
    return replace(decision, liveness=liveness)


def _make_unjudged(level: LivenessLevel) -> Liveness:
    """Return the liveness of what was not judged: undecided, which opens nothing."""
    if level is LivenessLevel.OFF:
        return Liveness()
    return Liveness(level, Verdict.UNDECIDED, None)


def reject_unseen(observation: Observation) -> Decision:
    """Return the decision on a picture in which no face can be identified."""
    reason = observation.reason or Reason.NO_FACE
    decision = Decision(accepted=False, name=None, reason=reason)
    return decision.add_cost(observation.timings_ms, frames=1)


def decide_identity(owner: Owner, observations: list[Observation]) -> Decision:
    """Decide whether the frames of one attempt show an owner, without regard to liveness."""
    count = len(observations)
    total = Counter[str]()
    for observation in observations:
        total.update(observation.timings_ms)
    mean = {stage: spent / count for stage, spent in total.items()}
    faces = sum(observation.embedding is not None for observation in observations)
    # If most frames show no face, or several people, that is the reason for the whole attempt.
    if 2 * faces <= count:
        reasons = Counter(one.reason for one in observations if one.reason is not None)
        reason = reasons.most_common(1)[0][0] if reasons else Reason.NO_FACE
        return Decision(accepted=False, name=owner.name, reason=reason).add_cost(mean, count)
    with time_stage(mean, "decide"):
        decision = owner.decide(np.array([vote.vector for vote in _collect_votes(observations)]))
    return decision.add_cost(mean, count)


def _count_moments(observations: list[Observation]) -> int:
    """Count frames, but no more than `MAX_FRAMES_PER_SECOND` of them in a second.

    A frame that is not later than the one before has no time of its own, and counts.
    """
    count, last = 0, -math.inf
    for at in (one.frame.at for one in observations):
        if not last < at < last + 1 / MAX_FRAMES_PER_SECOND:
            count, last = count + 1, at
    return count


def _collect_votes(observations: list[Observation]) -> list[Embedding]:
    """Return each embedding once: frames that show nothing new share one (`Pipeline.follow`).

    Otherwise one lucky frame that stands still for a second would be a whole attempt.
    """
    return list(dict.fromkeys(one.embedding for one in observations if one.embedding is not None))
