"""A picture comes in over the network; who it shows, as one counted attempt, goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.faceid import wiring
from onlyme.types import LivenessLevel
from onlyme.verification.attempt import apply_liveness, judge_photo, reject_unseen

if TYPE_CHECKING:
    from onlyme.faceid.face_id import FaceID
    from onlyme.types import Decision

__all__ = ["ANYBODY", "identify_picture"]

ANYBODY = ""
"""Under this name, which no person can have, the gate counts tries to be just anybody."""


def identify_picture(
    face_id: FaceID, picture: bytes, level: LivenessLevel, source: str
) -> Decision:
    """Find out which of the enrolled people a picture shows, if any and if alive.

    Args:
        face_id: knows them.
        picture: a file's bytes.
        level: how hard to look for a photo in place of the person.
        source: what the count and the log call where the picture comes from.

    Raises:
        ImageError: the picture cannot be used.
    """
    judge = None if level is LivenessLevel.OFF else wiring.load_judge(face_id.pipeline.runtime)

    def decide() -> Decision:
        sight = face_id.pipeline.look(picture)
        if sight.embedding is None:
            return reject_unseen(sight)
        decision = face_id.identify(sight.embedding)
        timings = sight.timings_ms | decision.timings_ms
        return apply_liveness(
            decision.add_cost(timings, 1), judge_photo(sight, judge, level, timings)
        )

    return face_id.gate.decide(ANYBODY, source, decide)
