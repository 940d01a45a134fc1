"""Decide about pictures: combine who a face is with whether a living person shows it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from onlyme.face.pipeline import time_stage
from onlyme.types import Decision, Embedding, Liveness, LivenessLevel, Reason, Verdict

if TYPE_CHECKING:
    from onlyme.face.pipeline import Observation
    from onlyme.liveness.judge import Judge
    from onlyme.siamese.owner import Owner

__all__ = [
    "apply_liveness",
    "collect_votes",
    "count_moments",
    "decide_identity",
    "decide_photo",
    "judge_photo",
    "make_unjudged",
    "reject_unseen",
]

MAX_FRAMES_PER_SECOND = 40.0
"""Faster frames add to an attempt's evidence, but do not end it sooner: a camera with 120 frames a
second would otherwise decide by a moment of 0.03 s."""

_REASONS = {Verdict.ATTACK: Reason.NOT_LIVE, Verdict.UNDECIDED: Reason.LIVENESS_UNDECIDED}


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
        return make_unjudged(level), {}
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


def make_unjudged(level: LivenessLevel) -> Liveness:
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
        decision = _decide_votes(owner, observations)
    return decision.add_cost(mean, count)


def _decide_votes(owner: Owner, observations: list[Observation]) -> Decision:
    """Decide by the embeddings; the second network sees those that the first does not settle."""
    votes = collect_votes(observations)
    vectors = np.array([vote.vector for vote in votes])
    first = {one.embedding: one for one in reversed(observations) if one.embedding is not None}
    seen = [first[vote] for vote in votes]
    steady = any(one.second.steady for one in seen if one.second is not None)
    return owner.decide(vectors, lambda row: seen[row].look_again(), steady=steady)


def count_moments(observations: list[Observation]) -> int:
    """Count frames, but no more than `MAX_FRAMES_PER_SECOND` of them in a second.

    A frame that is not later than the one before has no time of its own, and counts.
    """
    count, last = 0, -math.inf
    for at in (one.frame.at for one in observations):
        if not last < at < last + 1 / MAX_FRAMES_PER_SECOND:
            count, last = count + 1, at
    return count


def collect_votes(observations: list[Observation]) -> list[Embedding]:
    """Return each embedding once: frames that show nothing new share one (`Pipeline.follow`).

    Otherwise one lucky frame that stands still for a second would be a whole attempt.
    """
    return list(dict.fromkeys(one.embedding for one in observations if one.embedding is not None))
