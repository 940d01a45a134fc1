"""Cut a stream of observations into attempts, and decide each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.verification.attempt import CaptureAbandoned, CaptureSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from onlyme.face.pipeline import Observation
    from onlyme.siamese.owner import Owner
    from onlyme.types import Decision
    from onlyme.verification.protocols import AttemptSession

__all__ = ["decide_attempts"]


def decide_attempts(
    find_owner: Callable[[], Owner],
    observations: Iterable[Observation],
    session: AttemptSession | None = None,
) -> Iterator[Decision]:
    """Cut a stream of observations into attempts and decide each.

    An attempt ends with its fifth embedding, but if liveness is asked for not before it was judged
    in three frames, and if attention is asked for not before the eyes were seen; after five frames
    without an embedding; or after three seconds. With a ceremony, it ends when that is over. The
    frames that remain when the stream ends are one more attempt, unless they are too few to judge
    whether the last attempt's face is still alive.

    Args:
        find_owner: returns the person whom the camera should see. It is called for each
            decision, so that a change by another process takes effect at once.
        observations: what the camera shows. If `CaptureAbandoned` is raised there, the stream ends
            and the current attempt is dropped.
        session: holds the level of liveness and the current attempt; by default identity alone
            is judged.
    """
    session = session or CaptureSession()
    try:
        for observation in observations:
            if session.is_late(observation.frame.at):
                yield session.end(find_owner())
            session.add(observation)
            if session.is_full:
                yield session.end(find_owner())
            else:
                session.prepare()
    except CaptureAbandoned:
        return
    if session.observations and not session.is_fragment:
        yield session.end(find_owner())
