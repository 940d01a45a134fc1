"""Decide attempt after attempt on a browser's camera, and send the decisions to the browser."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from onlyme.face.geometry import scale_to_frame
from onlyme.gate.admission import AttemptSource
from onlyme.serve.state import SOURCE
from onlyme.types import LivenessLevel, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme import FaceID
    from onlyme.face.pipeline import Observation
    from onlyme.serve.live.latest_frame import LatestFrame
    from onlyme.serve.live.stream import MessageSender
    from onlyme.siamese.owner import Owner
    from onlyme.types import AttentionLevel, Decision

__all__ = [
    "FrameRate",
    "choose_stricter",
    "describe_observation",
    "measure_margin",
    "read_standing",
    "watch_live",
]

PAUSE_SECONDS = 1.0
"""After this pause the frame rate is counted from the start: the person was reading a verdict."""

_ORDER = (LivenessLevel.OFF, LivenessLevel.PASSIVE, LivenessLevel.CHALLENGE)


def choose_stricter(policy: LivenessLevel, asked: LivenessLevel | None) -> LivenessLevel:
    """Return the stricter of the policy's level and the level that was asked for.

    >>> choose_stricter(LivenessLevel.PASSIVE, LivenessLevel.OFF)
    <LivenessLevel.PASSIVE: 'passive'>
    """
    return max(policy, asked or policy, key=_ORDER.index)


def read_standing(face_id: FaceID, name: str) -> dict[str, Any]:
    """Return how many tries the gate still allows for a person in the service, and the wait."""
    gate = face_id.admin.gate
    allowance = gate.allowances().get(AttemptSource(name, SOURCE))
    tries, wait = allowance or (gate.policy.tries, 0.0)
    return {"tries": tries, "of": gate.policy.tries, "wait": round(wait, 1)}


@dataclass(slots=True)
class FrameRate:
    """Measures how often something happens, over the last two seconds and without pauses.

    >>> rate = FrameRate()
    >>> [rate.tick(at) for at in (0.0, 0.1, 0.2, 5.0, 5.1)]
    [0.0, 10.0, 10.0, 0.0, 10.0]
    """

    _times: deque[float] = field(default_factory=deque)

    def tick(self, now: float) -> float:
        """Count one event at a time in seconds; return the rate in events per second."""
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
    attention: AttentionLevel,
    latest: LatestFrame,
    say: MessageSender,
    redact: Callable[[Decision], dict[str, Any]],
    *,
    margins: bool = False,
) -> None:
    """Decide attempt after attempt on what a browser sends, until it leaves or the gate closes.

    Args:
        face_id: the FaceID of this thread.
        name: the person whom the camera should see.
        level: the level at which a photo in place of the person is looked for.
        attention: what the person's eyes must show.
        latest: receives the pictures.
        say: sends the browser `ready`, `look` for each frame, `ask` for each step of a challenge,
            `attempt` for each decision, and `closed` when the gate closes.
        redact: returns the part of a decision that this client may see.
        margins: whether the client may see the margin of each frame.

    Raises:
        UnknownOwner: no person of that name is enrolled.
        ImageError: what was sent is not a picture.
        OnlymeError: networks or vault cannot be used.
    """
    owner = face_id.find_owner(name)
    standing = read_standing(face_id, name)
    if standing["wait"]:
        say("closed", gate=standing)
        return
    say("ready", name=name, level=level, attention=attention, gate=standing)
    rate = FrameRate()

    def report(observation: Observation) -> None:
        description = describe_observation(observation)
        if margins:
            description["margin"] = measure_margin(owner, observation)
        say("look", **description, taken=latest.number, rate=rate.tick(monotonic()))

    def ask(arrow: str, words: str) -> None:
        say("ask", arrow=arrow, words=words)

    decisions = face_id.watch(
        name,
        latest.frames(),
        liveness=level,
        attention=attention,
        ask=ask,
        gate=True,
        source=SOURCE,
        on_observation=report,
    )
    for decision in decisions:
        standing = read_standing(face_id, name)
        # A person may pause to read the verdict. A frame that waits already would start an attempt
        # which that pause breaks off.
        say("attempt", decision=redact(decision), gate=standing, taken=latest.drop())
        if standing["wait"] or decision.reason is Reason.LOCKED_OUT:
            say("closed", gate=standing)
            return


def measure_margin(owner: Owner, observation: Observation) -> float | None:
    """Return the margin of the face in one frame; None without a usable face."""
    if observation.embedding is None:
        return None
    return round(float(owner.margins(observation.embedding.vector[None])[0]), 4)


def describe_observation(observation: Observation) -> dict[str, Any]:
    """Return what one frame showed, so that the client can draw it."""
    face = observation.face
    box = None if face is None else scale_to_frame(face.box, observation.frame.pixels.shape)
    return {"box": box, "reason": observation.reason, "timings_ms": observation.timings_ms}
