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

from onlyme.face.pipeline import timed
from onlyme.liveness.challenge import Challenge, Phase, drawn, frontal, prompt
from onlyme.types import Liveness, LivenessLevel, Verdict
from onlyme.verification.attempt import attempts, decided, judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from onlyme.face.pipeline import Sight
    from onlyme.liveness.challenge import Step
    from onlyme.liveness.judge import Judge, Scene
    from onlyme.siamese.owner import Owner
    from onlyme.types import Decision

    Ask = Callable[[str, str], None]

__all__ = ["challenges", "watched"]

_UNANSWERED = Liveness(LivenessLevel.CHALLENGE, Verdict.UNDECIDED, None)


def watched(
    owner: Owner,
    sights: Iterable[Sight],
    judge: Judge | None,
    level: LivenessLevel,
    ask: Ask | None,
) -> Iterator[Decision]:
    """Decide attempt after attempt, or challenge after challenge where that can be done."""
    if level is LivenessLevel.CHALLENGE and judge is not None and ask is not None:
        return challenges(owner, sights, judge, ask)
    return attempts(owner, sights, judge, level)


def challenges(
    owner: Owner,
    sights: Iterable[Sight],
    judge: Judge,
    ask: Ask,
    draw: Callable[[], Sequence[Step]] = drawn,
) -> Iterator[Decision]:
    """Challenge whoever is seen, time after time, until the camera ends.

    Args:
        owner: whom the camera should see.
        sights: what it sees.
        judge: looks for photos and screens.
        ask: called with an arrow and with words whenever there is something else to do.
        draw: draws the steps of each challenge.
    """
    stream = iter(sights)
    scene = judge.scene()
    while True:
        session = _Session(Challenge(draw()), scene, judge, ask)
        for sight in stream:
            if session.add(sight):
                break
        if not session.seen:
            return
        yield session.decision(owner)
        scene.begin()


class _Session:
    """One challenge and all that was seen meanwhile."""

    def __init__(self, challenge: Challenge, scene: Scene, judge: Judge, ask: Ask) -> None:
        self.challenge, self.scene, self.judge, self.ask = challenge, scene, judge, ask
        self.seen: list[Sight] = []
        self.said: tuple[str, str] | None = None

    def add(self, sight: Sight) -> bool:
        """Look at the next sight; say whether the challenge is over."""
        vector = sight.embedding.vector if sight.embedding else None
        if sight.face is not None and vector is not None:
            with timed(sight.timings_ms, "liveness"):
                glance = self.judge.look(sight.frame.pixels, sight.face)
            if not self.scene.add(sight.frame.at, sight.face, vector, glance):
                self.seen = []  # whoever was seen before the first step is not who makes it
        self.seen.append(sight)
        face = sight.face if vector is not None else None
        with timed(sight.timings_ms, "challenge"):
            phase = self.challenge.frame(sight.frame.at, _gray(sight.frame.pixels), face, vector)
        wanted = prompt(phase, self.challenge.asked)
        if wanted != self.said:
            self.said = wanted
            self.ask(*wanted)
        return phase in (Phase.DONE, Phase.FAILED)

    def decision(self, owner: Owner) -> Decision:
        """Put the steps, passive liveness and identity together."""
        # Turned faces were needed for the steps; who it is, frontal ones say.
        known = [s for s in self.seen if s.face is not None and frontal(s.face.landmarks)]
        decision = decided(owner, known or self.seen)
        verdict = self.scene.verdict()
        if self.challenge.phase is not Phase.DONE and verdict.verdict is not Verdict.ATTACK:
            return judged(decision, _UNANSWERED)
        return judged(decision, replace(verdict, level=LivenessLevel.CHALLENGE))


def _gray(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
