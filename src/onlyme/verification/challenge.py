"""Ask a person for a sequence of gestures during an attempt, and judge whether they were made.

A challenge is one attempt. It ends when every step was made, when a step was not made in time, or
when another step was made instead. Identity, passive liveness and the steps are judged on the same
frames of one face that is never out of sight.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from onlyme.liveness.challenge import Challenge, Phase, draw_steps, make_prompt
from onlyme.liveness.gestures import is_frontal
from onlyme.types import Liveness, LivenessLevel, Verdict
from onlyme.verification.gesture import make_gray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from onlyme.face.pipeline import Observation
    from onlyme.liveness.gestures import Gesture
    from onlyme.types import Decision, HeadReading

__all__ = ["ChallengeCeremony"]

_UNANSWERED = Liveness(LivenessLevel.CHALLENGE, Verdict.UNDECIDED, None)


class ChallengeCeremony:
    """Puts a challenge in each attempt on a stream; see `onlyme.verification.attempt.Ceremony`.

    Args:
        ask: called with an arrow and with words whenever the person should do something else.
        draw: draws the steps of each challenge.
    """

    def __init__(
        self,
        ask: Callable[[str, str], None],
        draw: Callable[[], Sequence[Gesture]] = draw_steps,
    ) -> None:
        self._ask, self._draw = ask, draw
        self.restart()

    def restart(self) -> None:
        """Draw new steps for the next attempt."""
        self._challenge = Challenge(self._draw())
        self._prompt: tuple[str, str] | None = None
        self._frontal: set[float] = set()

    @property
    def is_over(self) -> bool:
        """Whether every step was made, or one failed."""
        return self._challenge.phase in (Phase.DONE, Phase.FAILED)

    def add(
        self, observation: Observation, head: HeadReading | None, /, *, continues: bool
    ) -> None:
        """Look at the next frame, and ask for the next step when it is due."""
        at, gray = observation.frame.at, make_gray(observation.frame.pixels)
        same = None if observation.embedding is None else continues
        phase = self._challenge.add_frame(at, gray, head, continues=same)
        if head is not None and is_frontal(head):
            self._frontal.add(at)
        prompt = make_prompt(phase, self._challenge.current_step)
        if prompt != self._prompt:
            self._prompt = prompt
            self._ask(*prompt)

    def choose(self, observations: list[Observation]) -> list[Observation]:
        """Return the frontal ones, if there are any: the turned faces only served the steps."""
        frontal = [one for one in observations if one.frame.at in self._frontal]
        return frontal or observations

    def judge(self, passive: Liveness) -> Liveness:
        """Return `undecided` if the steps were not made, otherwise passive liveness."""
        if self._challenge.phase is not Phase.DONE and passive.verdict is not Verdict.ATTACK:
            return _UNANSWERED
        return replace(passive, level=LivenessLevel.CHALLENGE)

    def confirm(self, decision: Decision) -> Decision:
        """Return the decision: liveness holds the whole challenge."""
        return decision
