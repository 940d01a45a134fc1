"""Play one stage of the game in which a person tries to fool their own camera."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from onlyme.evaluate.score_card import count_outcomes
from onlyme.faceid.serialize import serialize_decision
from onlyme.serve.live.watch import FrameRate, describe_observation, measure_margin

if TYPE_CHECKING:
    from onlyme import FaceID
    from onlyme.face.pipeline import Observation
    from onlyme.serve.live.latest_frame import LatestFrame
    from onlyme.serve.live.stream import MessageSender
    from onlyme.types import AttentionLevel, Decision, LivenessLevel

__all__ = ["play_stage"]


def play_stage(
    face_id: FaceID,
    name: str,
    stage: str,
    attempts: int,
    levels: tuple[LivenessLevel, AttentionLevel],
    latest: LatestFrame,
    say: MessageSender,
) -> None:
    """Decide some attempts, and count them; nothing opens, and the gate counts nothing.

    Args:
        face_id: the FaceID of this thread.
        name: the owner.
        stage: the name of the stage.
        attempts: the number of attempts.
        levels: what is checked beside the face: for a photo in its place, and of the eyes.
        latest: receives the pictures.
        say: sends `ready`, `look` for each frame, `ask` for each step of a challenge, `attempt` for
            each decision, and `played` with the counts at the end.

    Raises:
        UnknownOwner: no person of that name is enrolled.
        ImageError: what was sent is not a picture.
        OnlymeError: networks or vault cannot be used.
    """
    owner = face_id.find_owner(name)
    liveness, attention = levels
    say("ready", name=name, level=liveness, attention=attention)
    rate = FrameRate()

    def report(observation: Observation) -> None:
        seen = describe_observation(observation) | {"margin": measure_margin(owner, observation)}
        say("look", **seen, taken=latest.number, rate=rate.tick(monotonic()))

    watching = face_id.watch(
        name,
        latest.frames(),
        liveness=liveness,
        attention=attention,
        ask=lambda arrow, words: say("ask", arrow=arrow, words=words),
        gate=False,
        on_observation=report,
    )
    decisions: list[Decision] = []
    for decision in watching:
        decisions.append(decision)
        document = serialize_decision(decision)
        say("attempt", decision=document, number=len(decisions), taken=latest.drop())
        if len(decisions) == attempts:
            break
    say("played", outcome=count_outcomes(stage, decisions))
