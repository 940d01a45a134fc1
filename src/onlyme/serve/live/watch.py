"""Decide attempt after attempt on what a browser's camera shows, and tell the browser."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from onlyme.enrollment.guided import scale_to_frame
from onlyme.gate.admission import AttemptSource
from onlyme.serve.state import SOURCE
from onlyme.types import LivenessLevel, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme import FaceID
    from onlyme.face.pipeline import Observation
    from onlyme.serve.live.latest_frame import LatestFrame
    from onlyme.serve.live.stream import MessageSender
    from onlyme.types import Decision

__all__ = ["FrameRate", "choose_stricter", "read_standing", "watch_live"]

PAUSE_SECONDS = 1.0
"""Seconds without a picture after which the rate is counted anew: somebody read a verdict."""

_ORDER = (LivenessLevel.OFF, LivenessLevel.PASSIVE, LivenessLevel.CHALLENGE)


def choose_stricter(policy: LivenessLevel, asked: LivenessLevel | None) -> LivenessLevel:
    """Return the stricter of what the policy wants and what somebody asked for.

    >>> choose_stricter(LivenessLevel.PASSIVE, LivenessLevel.OFF)
    <LivenessLevel.PASSIVE: 'passive'>
    """
    return max(policy, asked or policy, key=_ORDER.index)


def read_standing(face_id: FaceID, name: str) -> dict[str, Any]:
    """Say what the gate thinks of attempts on a person that come through the service."""
    gate = face_id.admin.gate
    found = gate.allowances().get(AttemptSource(name, SOURCE))
    tries, wait = found or (gate.policy.tries, 0.0)
    return {"tries": tries, "of": gate.policy.tries, "wait": round(wait, 1)}


@dataclass(slots=True)
class FrameRate:
    """How often something happens, over the last two seconds, pauses left out.

    >>> rate = FrameRate()
    >>> [rate.tick(at) for at in (0.0, 0.1, 0.2, 5.0, 5.1)]
    [0.0, 10.0, 10.0, 0.0, 10.0]
    """

    _times: deque[float] = field(default_factory=deque)

    def tick(self, now: float) -> float:
        """Count once, at a time in seconds; return how often a second."""
        if self._times and now - self._times[-1] > PAUSE_SECONDS:
            self._times.clear()
        self._times.append(now)
        while now - self._times[0] > 2.0:
            self._times.popleft()
        spent = now - self._times[0]
        return round((len(self._times) - 1) / spent, 1) if spent > 0 else 0.0


def watch_live(
    face_id: FaceID,
    name: str,
    level: LivenessLevel,
    newest: LatestFrame,
    say: MessageSender,
    redact: Callable[[Decision], dict[str, Any]],
) -> None:
    """Decide attempt after attempt on what a browser sends, until it leaves or the gate closes.

    Args:
        face_id: of this thread.
        name: whom the camera should see.
        level: how hard to look for a photo in place of the person.
        newest: where the pictures come.
        say: tells the browser `ready`, `look` for each frame, `ask` for each challenge's step,
            `attempt` for each decision, and `closed` when the gate is.
        redact: what the browser's owner may know of a decision.

    Raises:
        UnknownOwner: nobody of that name is enrolled.
        ImageError: what came is no picture.
        OnlymeError: networks or vault cannot be used.
    """
    face_id.owner(name)
    standing = read_standing(face_id, name)
    if standing["wait"]:
        say("closed", gate=standing)
        return
    say("ready", name=name, level=level, gate=standing)
    rate = FrameRate()

    def report(observation: Observation) -> None:
        seen = describe_observation(observation)
        say("look", **seen, taken=newest.number, rate=rate.tick(monotonic()))

    def ask(arrow: str, words: str) -> None:
        say("ask", arrow=arrow, words=words)

    decisions = face_id.watch(
        name,
        newest.frames(),
        liveness=level,
        ask=ask,
        gate=True,
        source=SOURCE,
        on_observation=report,
    )
    for decision in decisions:
        standing = read_standing(face_id, name)
        # The person may pause to read it; a frame that waits would begin an attempt that breaks.
        say("attempt", decision=redact(decision), gate=standing, taken=newest.drop())
        if standing["wait"] or decision.reason is Reason.LOCKED_OUT:
            say("closed", gate=standing)
            return


def describe_observation(sight: Observation) -> dict[str, Any]:
    """Return what one frame showed, for whoever draws it."""
    face = sight.face
    box = None if face is None else scale_to_frame(face.box, sight.frame.pixels.shape)
    return {"box": box, "reason": sight.reason, "timings_ms": sight.timings_ms}
