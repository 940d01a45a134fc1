"""Make one attempt to be a person, with pictures that a client sent."""

from __future__ import annotations

from collections import deque
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from onlyme.errors import UnknownOwner
from onlyme.serve.state import SOURCE
from onlyme.serve.uploads.pictures import Abandonment, decode_capture, name_picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme import FaceID
    from onlyme.serve.access.auth import Caller
    from onlyme.serve.state import ServiceState
    from onlyme.types import Decision

__all__ = ["verify_counted"]


def verify_counted(
    face_id: FaceID,
    service: ServiceState,
    caller: Caller,
    name: str,
    frames: list[bytes],
    abandonment: Abandonment,
    on_observation: Callable[[Any], None] | None = None,
) -> Decision:
    """Decide whether a picture, or the frames of one capture, show a person.

    Counts as an attempt, and an unknown name as a guess of the caller. `on_observation` is called
    as by `FaceID.verify`.

    Raises:
        ProblemError: the caller asked for too many unknown names (429).
        UnknownOwner: no person of that name is enrolled.
        ImageError: a picture cannot be used.
    """
    service.guesses.check(caller)
    is_photo = len(frames) == 1
    capture = decode_capture(frames, abandonment)
    seen: dict[str, Any] = {"image": frames[0]} if is_photo else {"frames": capture}
    with name_picture(frames[0]) if is_photo else nullcontext():
        try:
            return face_id.verify(
                name,
                **seen,
                liveness=service.level,
                gate=True,
                source=SOURCE,
                on_observation=on_observation,
            )
        except UnknownOwner:
            # What cannot be read is answered alike for every name.
            deque(map(face_id.pipeline.decode, frames if is_photo else capture), maxlen=0)
            service.guesses.count(caller)
            raise
