"""Follow all people before a client's camera, and send what is decided about their visits."""

from __future__ import annotations

from contextlib import ExitStack
from time import monotonic
from typing import TYPE_CHECKING, Any

from onlyme.face.geometry import scale_to_frame
from onlyme.faceid.reports import DoorReports
from onlyme.faceid.serialize import serialize_presence
from onlyme.serve.live.watch import FrameRate
from onlyme.verification.visits import VisitVerdict

if TYPE_CHECKING:
    from onlyme import FaceID
    from onlyme.serve.live.latest_frame import LatestFrame
    from onlyme.serve.live.stream import MessageSender
    from onlyme.types import LivenessLevel
    from onlyme.verification.visits import Presence

__all__ = ["redact_presence", "watch_visits"]

_OPEN_VERDICTS = {VisitVerdict.KNOWN, VisitVerdict.LOCKED_OUT}
_OPEN_EVENTS = {"came", "left", "known", "locked_out"}


def redact_presence(presence: Presence, *, admin: bool) -> dict[str, Any]:
    """Return the part of a person in view that a client may see.

    Only admins learn whether a person is unknown, like two others, or not alive: with that, a
    photo could be changed until it passes, and an attacker learns whom it resembles.
    """
    document = serialize_presence(presence)
    if admin:
        return document
    is_known = presence.verdict is VisitVerdict.KNOWN
    return {
        "event": presence.event if str(presence.event) in _OPEN_EVENTS else None,
        "track": presence.id,
        "verdict": presence.verdict if presence.verdict in _OPEN_VERDICTS else "undecided",
        "name": presence.decision.name if is_known else None,
    }


def watch_visits(
    face_id: FaceID,
    level: LivenessLevel,
    latest: LatestFrame,
    say: MessageSender,
    *,
    source: str,
    opens: bool,
    admin: bool,
    reports: DoorReports | None,
) -> None:
    """Decide the visits before a client's camera until it leaves.

    Args:
        face_id: the FaceID of this thread.
        level: the level at which a photo in place of a person is looked for.
        latest: receives the pictures.
        say: sends `ready`, `look` for each frame with the people in view, and `visit` for each
            event.
        source: the name under which the gate counts this camera.
        opens: whether the gate counts each visit; not at a doorbell.
        admin: whether the client may see everything.
        reports: takes the events; None where they are only stored.

    Raises:
        ImageError: what was sent is not a picture.
        OnlymeError: networks or vault cannot be used.
    """
    face_id.warm_up()
    say("ready", level=level, opens=opens)
    with ExitStack() as stack:
        if reports is None:
            events = stack.enter_context(face_id.open_events())
            reports = DoorReports(events, stack, lambda _: None)
        made = face_id.watch_everybody(
            latest.frames(),
            liveness=level,
            opens=opens,
            source_name=source,
            on_event=reports.add,
            on_people=reports.show,
        )
        rate = FrameRate()
        for people in made:
            seen = _report(people, latest, say, admin=admin)
            say("look", people=seen, taken=latest.number, rate=rate.tick(monotonic()))


def _report(
    people: list[Presence], latest: LatestFrame, say: MessageSender, *, admin: bool
) -> list[dict[str, Any]]:
    """Send the events of a frame; return who is in view."""
    seen = []
    for presence in people:
        document = redact_presence(presence, admin=admin)
        document["box"] = scale_to_frame(presence.face.box, latest.shape)
        if presence.event != "left":
            seen.append(document)
        if document["event"] is not None:
            say("visit", **document)
    return seen
