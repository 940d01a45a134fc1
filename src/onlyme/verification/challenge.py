"""Sights of a camera come in while a person does as asked; one decision a challenge goes out.

A challenge is one attempt. It ends when every step was made, when one was not made in its
seconds, or when another was made instead. Identity, passive liveness and the steps are
judged on the same frames of one face that is never out of sight.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from onlyme.face.pipeline import time_stage
from onlyme.liveness.challenge import Challenge, Phase, draw_steps, is_frontal, make_prompt
from onlyme.types import Liveness, LivenessLevel, Verdict
from onlyme.verification.attempt import apply_liveness, decide_attempts, decide_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from onlyme.face.pipeline import Observation
    from onlyme.liveness.challenge import ChallengeStep
    from onlyme.liveness.judge import Judge, LivenessSession
    from onlyme.siamese.owner import Owner
    from onlyme.types import Decision

    Ask = Callable[[str, str], None]

__all__ = ["decide_stream", "run_challenges"]

_UNANSWERED = Liveness(LivenessLevel.CHALLENGE, Verdict.UNDECIDED, None)


def decide_stream(
    owner: Owner,
    observations: Iterable[Observation],
    judge: Judge | None,
    level: LivenessLevel,
    ask: Ask | None,
) -> Iterator[Decision]:
    """Decide attempt after attempt, or challenge after challenge where that can be done."""
    if level is LivenessLevel.CHALLENGE and judge is not None and ask is not None:
        return run_challenges(owner, observations, judge, ask)
    return decide_attempts(owner, observations, judge, level)


def run_challenges(
    owner: Owner,
    observations: Iterable[Observation],
    judge: Judge,
    ask: Ask,
    draw: Callable[[], Sequence[ChallengeStep]] = draw_steps,
) -> Iterator[Decision]:
    """Challenge whoever is seen, time after time, until the camera ends.

    Args:
        owner: whom the camera should see.
        observations: what it sees.
        judge: looks for photos and screens.
        ask: called with an arrow and with words whenever there is something else to do.
        draw: draws the steps of each challenge.
    """
    stream = iter(observations)
    scene = judge.start_session()
    while True:
        session = _Session(Challenge(draw()), scene, judge, ask)
        for sight in stream:
            if session.add(sight):
                break
        if not session.seen:
            return
        yield session.decide(owner)
        scene.begin()


class _Session:
    """One challenge and all that was seen meanwhile."""

    def __init__(
        self, challenge: Challenge, scene: LivenessSession, judge: Judge, ask: Ask
    ) -> None:
        self.challenge, self.scene, self.judge, self.ask = challenge, scene, judge, ask
        self.seen: list[Observation] = []
        self.said: tuple[str, str] | None = None

    def add(self, observation: Observation) -> bool:
        """Look at the next sight; say whether the challenge is over."""
        vector = observation.embedding.vector if observation.embedding else None
        if observation.face is not None and vector is not None:
            with time_stage(observation.timings_ms, "liveness"):
                glance = self.judge.look(observation.frame.pixels, observation.face)
            if not self.scene.add(observation.frame.at, observation.face, vector, glance):
                self.seen = []  # whoever was seen before the first step is not who makes it
        self.seen.append(observation)
        face = observation.face if vector is not None else None
        with time_stage(observation.timings_ms, "challenge"):
            phase = self.challenge.add_frame(
                observation.frame.at, _convert_to_gray(observation.frame.pixels), face, vector
            )
        wanted = make_prompt(phase, self.challenge.current_step)
        if wanted != self.said:
            self.said = wanted
            self.ask(*wanted)
        return phase in (Phase.DONE, Phase.FAILED)

    def decide(self, owner: Owner) -> Decision:
        """Put the steps, passive liveness and identity together."""
        # Turned faces were needed for the steps; who it is, frontal ones say.
        known = [s for s in self.seen if s.face is not None and is_frontal(s.face.landmarks)]
        decision = decide_identity(owner, known or self.seen)
        verdict = self.scene.verdict()
        if self.challenge.phase is not Phase.DONE and verdict.verdict is not Verdict.ATTACK:
            return apply_liveness(decision, _UNANSWERED)
        return apply_liveness(decision, replace(verdict, level=LivenessLevel.CHALLENGE))


def _convert_to_gray(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
