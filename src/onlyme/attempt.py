"""Sights of a camera come in, one after the other; one decision an attempt goes out.

An attempt is one capture of at most three seconds. Its frames are fused into one
decision, never "any frame passes": otherwise every frame would be one more try for a
stranger, and the promised false accept rate would hold for none of them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from onlyme.types import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onlyme.owner import Owner
    from onlyme.pipeline import Sight

__all__ = ["FRAMES", "SECONDS", "attempts"]

FRAMES = 5
"""So many embeddings end an attempt."""

SECONDS = 3.0
"""An attempt ends after this time, whatever was seen."""


def attempts(owner: Owner, sights: Iterable[Sight]) -> Iterator[Decision]:
    """Cut a stream of sights into attempts and decide each.

    An attempt ends with its fifth embedding, after as many sights without one, or after
    three seconds; what is left when the stream ends is one more.
    """
    seen: list[Sight] = []
    for sight in sights:
        if seen and sight.frame.at - seen[0].frame.at > SECONDS:
            yield _decided(owner, seen)
            seen = []
        seen.append(sight)
        embeddings = sum(s.embedding is not None for s in seen)
        if embeddings >= FRAMES or len(seen) - embeddings >= FRAMES:
            yield _decided(owner, seen)
            seen = []
    if seen:
        yield _decided(owner, seen)


def _decided(owner: Owner, seen: list[Sight]) -> Decision:
    vectors = [sight.embedding.vector for sight in seen if sight.embedding is not None]
    timings = Counter[str]()
    for sight in seen:
        timings.update(sight.timings_ms)
    mean = {room: total / len(seen) for room, total in timings.items()}
    # Where most frames show nobody, or several people, that is what the attempt showed.
    if 2 * len(vectors) <= len(seen):
        reasons = Counter(sight.reason for sight in seen if sight.reason is not None)
        reason = reasons.most_common(1)[0][0] if reasons else Reason.NO_FACE
        return Decision(accepted=False, name=owner.name, reason=reason).took(mean, len(seen))
    return owner.decide(np.array(vectors)).took(mean, len(seen))
