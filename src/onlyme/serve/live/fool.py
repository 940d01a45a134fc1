"""Play one stage of the game in which a person tries to fool their own camera."""

from __future__ import annotations

from dataclasses import asdict
from time import monotonic
from typing import TYPE_CHECKING, Any

from onlyme.evaluate.score_card import ATTACKS, SCHEMA, count_outcomes
from onlyme.serve.live.watch import FrameRate, describe_observation, measure_margin

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme import FaceID
    from onlyme.face.pipeline import Observation
    from onlyme.serve.live.latest_frame import LatestFrame
    from onlyme.serve.live.stream import MessageSender
    from onlyme.types import AttentionLevel, Decision, LivenessLevel

__all__ = ["ATTEMPTS", "STAGES", "describe_game", "play_stage"]

ATTEMPTS = 5
"""Attempts at each stage, as on the command line."""

STAGES = frozenset(attack.stage for attack in ATTACKS)
"""The names of all stages."""


def describe_game() -> dict[str, Any]:
    """Return the stages in their order, and what a score card is called in JSON."""
    attacks = [asdict(attack) for attack in ATTACKS]
    return {"schema": SCHEMA, "attacks": attacks, "attempts": ATTEMPTS}


def play_stage(
    face_id: FaceID,
    name: str,
    stage: str,
    levels: tuple[LivenessLevel, AttentionLevel],
    latest: LatestFrame,
    say: MessageSender,
    redact: Callable[[Decision], dict[str, Any]],
) -> None:
    """Decide some attempts, and count them; nothing opens, and the gate counts nothing.

    Args:
        face_id: the FaceID of this thread.
        name: the owner.
        stage: the name of the stage.
        levels: what is checked beside the face: for a photo in its place, and of the eyes.
        latest: receives the pictures.
        say: sends `ready`, `look` for each frame, `ask` for each step of a challenge, `attempt` for
            each decision, and `played` with the counts at the end.
        redact: returns the part of a decision that this client may see.

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
        document = redact(decision)
        say("attempt", decision=document, number=len(decisions), taken=latest.drop())
        if len(decisions) == ATTEMPTS:
            break
    say("played", outcome=count_outcomes(stage, decisions))
