"""Sights of a camera come in, one after the other; one decision an attempt goes out.

An attempt is one capture of at most three seconds. Its frames are fused into one
decision, never "any frame passes": otherwise every frame would be one more try for a
stranger, and the promised false accept rate would hold for none of them. Liveness and
identity are judged on the same frames, and these show one face without a break: when it
is exchanged for another the attempt starts over, though its three seconds run on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError
from onlyme.face.pipeline import time_stage
from onlyme.liveness.judge import LivenessSession
from onlyme.types import Decision, Liveness, LivenessLevel, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onlyme.face.pipeline import Observation
    from onlyme.liveness.judge import Judge
    from onlyme.siamese.owner import Owner
    from onlyme.types import Embedding

__all__ = [
    "ATTEMPT_FRAMES",
    "ATTEMPT_SECONDS",
    "apply_liveness",
    "check_level",
    "decide_attempts",
    "decide_capture",
    "decide_identity",
    "decide_photo",
    "judge_photo",
    "reject_unseen",
]

ATTEMPT_FRAMES = 5
"""So many embeddings end an attempt, once liveness was looked for often enough."""

ATTEMPT_SECONDS = 3.0
"""An attempt ends after this time, whatever was seen."""

_NO_PIXELS = np.empty((0, 0, 3), np.uint8)
_WHY = {Verdict.ATTACK: Reason.NOT_LIVE, Verdict.UNDECIDED: Reason.LIVENESS_UNDECIDED}


def decide_attempts(
    owner: Owner,
    observations: Iterable[Observation],
    judge: Judge | None = None,
    level: LivenessLevel = LivenessLevel.OFF,
    frames: int = ATTEMPT_FRAMES,
) -> Iterator[Decision]:
    """Cut a stream of sights into attempts and decide each.

    An attempt ends with its fifth embedding, and not before liveness was looked for in three
    frames if it is to be; after five sights without an embedding; or after three seconds.
    What is left when the stream ends is one more, unless it is too short to say whether the
    face of the last attempt still lives.

    Args:
        owner: whom the camera should see.
        observations: what it sees.
        judge: looks for photos and screens; None denies whoever needs a look.
        level: how hard to look.
        frames: so many embeddings end an attempt, instead of five.
    """
    attempt = _CameraAttempt(owner, judge, level, frames)
    for sight in observations:
        if attempt.seen and sight.frame.at - attempt.began > ATTEMPT_SECONDS:
            yield attempt.end()
        attempt.add(sight)
        if attempt.full:
            yield attempt.end()
    if attempt.seen and not attempt.fragment:
        yield attempt.end()


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
    attempt = _CameraAttempt(owner, judge, level)
    for sight in observations:
        attempt.add(sight)
    if not attempt.seen:
        raise UsageError("no frame was given")
    return attempt.end()


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
    decision = decide_identity(owner, [observation])
    if decision.reason is Reason.NO_MATCH:
        quality = observation.quality  # measured at each look, and here only
        if quality is not None and not quality.ok:
            decision = decision.replace_reason(Reason.POOR_QUALITY)
    return apply_liveness(decision, judge_photo(observation, judge, level, decision.timings_ms))


def judge_photo(
    observation: Observation,
    judge: Judge | None,
    level: LivenessLevel,
    timings_ms: dict[str, float],
) -> Liveness:
    """Judge whether one picture shows somebody who lives; no single one answers a challenge."""
    if level is not LivenessLevel.PASSIVE or judge is None or observation.face is None:
        return _make_unjudged(level)
    with time_stage(timings_ms, "liveness"):
        return judge.judge_photo(judge.look(observation.frame.pixels, observation.face))


def apply_liveness(decision: Decision, liveness: Liveness) -> Decision:
    """Put identity and liveness together: who is not seen to live is not accepted."""
    if decision.accepted and liveness.level is not LivenessLevel.OFF:
        reason = _WHY.get(liveness.verdict or Verdict.UNDECIDED)
        if reason is not None:
            return replace(decision, accepted=False, reason=reason, liveness=liveness)
    return replace(decision, liveness=liveness)


@dataclass(slots=True)
class _CameraAttempt:
    """The attempt that is going on; after its end, the next one on the same stream."""

    owner: Owner
    judge: Judge | None
    level: LivenessLevel
    frames: int = ATTEMPT_FRAMES
    seen: list[Observation] = field(default_factory=list)
    began: float = 0.0
    scene: LivenessSession = field(init=False)

    def __post_init__(self) -> None:
        self.scene = self.judge.start_session() if self.judge else LivenessSession()

    def add(self, sight: Observation) -> None:
        if not self.seen:
            self.began = sight.frame.at
        if sight.face is not None and sight.embedding is not None:
            glance = print = None  # noqa: A001 - as in fingerprint
            if self.judge and self._needs_liveness:
                with time_stage(sight.timings_ms, "liveness"):
                    if self.scene.is_due(sight.frame.at):
                        glance = self.judge.look(sight.frame.pixels, sight.face)
                    else:
                        print = self.judge.take_fingerprint(sight.frame.pixels, sight.face)  # noqa: A001
            vector = sight.embedding.vector
            if not self.scene.add(sight.frame.at, sight.face, vector, glance, print):
                self.seen = []
        # Its pixels are not needed any more, and three seconds of them would be 100 MB.
        frame = replace(sight.frame, pixels=_NO_PIXELS)
        self.seen.append(replace(sight, frame=frame))

    @property
    def full(self) -> bool:
        nobody = sum(sight.embedding is None for sight in self.seen)
        if nobody >= self.frames:
            return True
        return len(_collect_votes(self.seen)) >= self.frames and (
            self.scene.has_enough_frames or not self._needs_liveness
        )

    @property
    def fragment(self) -> bool:
        """Whether it shows nothing but the face of the last attempt, and was hardly looked at."""
        one_face = all(sight.embedding is not None for sight in self.seen)
        return (
            one_face
            and self._needs_liveness
            and self.scene.settled
            and not self.scene.has_enough_frames
        )

    @property
    def _needs_liveness(self) -> bool:
        return self.judge is not None and self.level is not LivenessLevel.OFF

    def end(self) -> Decision:
        decision = apply_liveness(decide_identity(self.owner, self.seen), self._judge_liveness())
        self.seen = []
        self.scene.begin()
        return decision

    def _judge_liveness(self) -> Liveness:
        off = self.level is LivenessLevel.OFF
        if off or self.judge is None or all(sight.embedding is None for sight in self.seen):
            return _make_unjudged(self.level)
        verdict = self.scene.verdict()
        if self.level is LivenessLevel.CHALLENGE and verdict.verdict is Verdict.LIVE:
            return _make_unjudged(self.level)  # nobody put the challenge
        return replace(verdict, level=self.level)


def _make_unjudged(level: LivenessLevel) -> Liveness:
    """Nobody looked: where somebody should have, that is undecided, which opens nothing."""
    if level is LivenessLevel.OFF:
        return Liveness()
    return Liveness(level, Verdict.UNDECIDED, None)


def reject_unseen(observation: Observation) -> Decision:
    """Say why a picture showed nobody who could be looked for."""
    reason = observation.reason or Reason.NO_FACE
    return Decision(accepted=False, name=None, reason=reason).add_cost(
        observation.timings_ms, frames=1
    )


def decide_identity(owner: Owner, observations: list[Observation]) -> Decision:
    """Decide who was seen in the frames of one attempt, whether alive or not."""
    faces = sum(sight.embedding is not None for sight in observations)
    timings = Counter[str]()
    for sight in observations:
        timings.update(sight.timings_ms)
    mean = {room: total / len(observations) for room, total in timings.items()}
    # Where most frames show nobody, or several people, that is what the attempt showed.
    if 2 * faces <= len(observations):
        reasons = Counter(sight.reason for sight in observations if sight.reason is not None)
        reason = reasons.most_common(1)[0][0] if reasons else Reason.NO_FACE
        return Decision(accepted=False, name=owner.name, reason=reason).add_cost(
            mean, len(observations)
        )
    with time_stage(mean, "decide"):
        decision = owner.decide(np.array([vote.vector for vote in _collect_votes(observations)]))
    return decision.add_cost(mean, len(observations))


def _collect_votes(observations: list[Observation]) -> list[Embedding]:
    """Return each embedding once: frames that brought nothing new share one (Pipeline.follow).

    A lucky frame that stands still for a second would otherwise be a whole attempt of its own.
    """
    return list(
        dict.fromkeys(sight.embedding for sight in observations if sight.embedding is not None)
    )
