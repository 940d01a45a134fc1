"""Cut a stream of observations into attempts, and fuse each attempt into one decision.

An attempt is one capture of at most three seconds. Its frames are fused into one decision, never
"any frame passes": otherwise every frame would be one more try for a stranger, and the promised
false accept rate would hold for none of them. Liveness and identity are judged on the same
frames, and these show one face without a break: when the face is exchanged for another the
attempt starts over, though its three seconds run on.
"""

from __future__ import annotations

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

    from onlyme.face.pipeline import Observation
    from onlyme.liveness.judge import Judge, LivenessSession
    from onlyme.siamese.owner import Owner
    from onlyme.types import Embedding, Face

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
"""An attempt ends with this many embeddings, once liveness was looked for often enough."""

ATTEMPT_SECONDS = 3.0
"""An attempt ends after this time, whatever it showed."""

_NO_PIXELS = np.empty((0, 0, 3), np.uint8)
_REASONS = {Verdict.ATTACK: Reason.NOT_LIVE, Verdict.UNDECIDED: Reason.LIVENESS_UNDECIDED}


class CaptureAbandoned(Exception):  # noqa: N818 - a state, read as one in `except CaptureAbandoned`
    """Raised by a source of frames when the person left: what it showed last is no attempt."""


class Ceremony(Protocol):
    """What a person has to do during an attempt, beside being seen: a challenge, for example."""

    @property
    def is_over(self) -> bool:
        """Whether the attempt may end."""

    def add(self, observation: Observation, *, continues: bool) -> None:
        """Look at the next frame; `continues`: it shows the same face as the one before."""

    def choose(self, observations: list[Observation]) -> list[Observation]:
        """Return those of an attempt's observations that show who it is."""

    def judge(self, passive: Liveness) -> Liveness:
        """Put what passive liveness says and what the person did together."""

    def restart(self) -> None:
        """Begin the next one."""


@dataclass(slots=True)
class CaptureSession:
    """The attempt that is going on; after its end, the next one on the same stream.

    Attributes:
        judge: looks for photos and screens; None accepts only at the level `off`.
        level: how hard to look.
        frames: the number of embeddings that end an attempt.
        ceremony: what the person has to do; it decides when an attempt ends.
        observations: of the attempt, without their pixels.
        faces: how many faces followed one another in the attempts so far.
    """

    judge: Judge | None = None
    level: LivenessLevel = LivenessLevel.OFF
    frames: int = ATTEMPT_FRAMES
    ceremony: Ceremony | None = None
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
        continues = False
        if face is not None and embedding is not None:
            continues = self._continuity.add_face(at, face, embedding.vector)
            if not continues:
                self._start_over()
            if self.judge is not None and self._liveness is not None:
                with time_stage(spent, "liveness"):
                    self._look(self.judge, self._liveness, observation, face)
        if self.ceremony is not None:
            with time_stage(spent, "challenge"):
                self.ceremony.add(observation, continues=continues)
        # The pixels are not needed any more, and three seconds of them would be 100 MB.
        frame = replace(observation.frame, pixels=_NO_PIXELS)
        timings = observation.timings_ms | spent
        self.observations.append(replace(observation, frame=frame, timings_ms=timings))

    def is_late(self, at: float) -> bool:
        """Return whether a frame that was taken at this time comes after the attempt."""
        timed = bool(self.observations) and self.ceremony is None
        return timed and at - self._began > ATTEMPT_SECONDS

    @property
    def is_full(self) -> bool:
        """Whether the attempt has seen what it needs, or has seen no one often enough."""
        if self.ceremony is not None:
            return self.ceremony.is_over
        if sum(seen.embedding is None for seen in self.observations) >= self.frames:
            return True
        looked = self._liveness is None or self._liveness.has_enough_frames
        return looked and len(_collect_votes(self.observations)) >= self.frames

    @property
    def is_fragment(self) -> bool:
        """Whether it shows only the face of the last attempt, hardly looked at for liveness."""
        if self._liveness is None or self.ceremony is not None:
            return False
        one_face = all(seen.embedding is not None for seen in self.observations)
        return one_face and self._liveness.settled and not self._liveness.has_enough_frames

    def end(self, owner: Owner) -> Decision:
        """Decide about the attempt, and begin the next one."""
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
        if self._liveness is None or all(seen.embedding is None for seen in self.observations):
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

    An attempt ends with its fifth embedding, and not before liveness was looked for in three
    frames if it is to be; after five frames without an embedding; or after three seconds. With a
    ceremony, it ends when that is over. What is left when the stream ends is one more, unless it
    is too short to say whether the face of the last attempt is still alive.

    Args:
        find_owner: returns the person whom the camera should see. It is called for each
            decision, so that a change by another process counts at once.
        observations: what the camera shows. `CaptureAbandoned` from there ends the stream, and
            the attempt that was under way is dropped.
        session: how to look; by default at the identity alone.
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
    """Decide about a capture that is one attempt already.

    Raises:
        UsageError: it holds no frame.
    """
    return _watch_whole(observations, judge, level).end(owner)


def judge_capture(observations: Iterable[Observation], judge: Judge) -> Liveness:
    """Judge whether the frames of one capture show one living person throughout.

    Raises:
        UsageError: it holds no frame.
    """
    everything = list(observations)
    session = _watch_whole(everything, judge, LivenessLevel.PASSIVE)
    liveness = session.judge_liveness()
    # A face that was exchanged is no sign of life, and neither is a face in half of the frames.
    exchanged = session.faces > 1 and liveness.verdict is Verdict.LIVE
    seen = sum(one.face is not None and one.embedding is not None for one in everything)
    return UNDECIDED if exchanged or 2 * seen <= len(everything) else liveness


def _watch_whole(
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
    """Decide about one picture, of which nothing but the picture is known."""
    liveness, spent = judge_photo(observation, judge, level)
    timings = observation.timings_ms | spent
    decision = decide_identity(owner, [replace(observation, timings_ms=timings)])
    if decision.reason is Reason.NO_MATCH:
        quality = observation.quality  # measured at each look, and here only
        if quality is not None and not quality.ok:
            decision = decision.replace_reason(Reason.POOR_QUALITY)
    return apply_liveness(decision, liveness)


def judge_photo(
    observation: Observation, judge: Judge | None, level: LivenessLevel
) -> tuple[Liveness, dict[str, float]]:
    """Judge whether one picture shows a living person; no single one answers a challenge.

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
    """Put identity and liveness together: a person who is not seen to live is not accepted."""
    if decision.accepted and liveness.level is not LivenessLevel.OFF:
        reason = _REASONS.get(liveness.verdict or Verdict.UNDECIDED)
        if reason is not None:
            return replace(decision, accepted=False, reason=reason, liveness=liveness)
    return replace(decision, liveness=liveness)


def _make_unjudged(level: LivenessLevel) -> Liveness:
    """Return what is said where liveness was not looked at: undecided, which opens nothing."""
    if level is LivenessLevel.OFF:
        return Liveness()
    return Liveness(level, Verdict.UNDECIDED, None)


def reject_unseen(observation: Observation) -> Decision:
    """Say why a picture showed no face that could be looked for."""
    reason = observation.reason or Reason.NO_FACE
    decision = Decision(accepted=False, name=None, reason=reason)
    return decision.add_cost(observation.timings_ms, frames=1)


def decide_identity(owner: Owner, observations: list[Observation]) -> Decision:
    """Decide who was seen in the frames of one attempt, whether alive or not."""
    count = len(observations)
    total = Counter[str]()
    for observation in observations:
        total.update(observation.timings_ms)
    mean = {stage: spent / count for stage, spent in total.items()}
    faces = sum(observation.embedding is not None for observation in observations)
    # Where most frames show no one, or several people, that is what the attempt showed.
    if 2 * faces <= count:
        reasons = Counter(seen.reason for seen in observations if seen.reason is not None)
        reason = reasons.most_common(1)[0][0] if reasons else Reason.NO_FACE
        return Decision(accepted=False, name=owner.name, reason=reason).add_cost(mean, count)
    with time_stage(mean, "decide"):
        decision = owner.decide(np.array([vote.vector for vote in _collect_votes(observations)]))
    return decision.add_cost(mean, count)


def _collect_votes(observations: list[Observation]) -> list[Embedding]:
    """Return each embedding once: frames that brought nothing new share one (Pipeline.follow).

    A lucky frame that stands still for a second would otherwise be a whole attempt of its own.
    """
    return list(
        dict.fromkeys(seen.embedding for seen in observations if seen.embedding is not None)
    )
