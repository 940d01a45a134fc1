"""Answer what only the page asks for: live streams, and the data of its views.

These routes change with the page from version to version; apps use the documented ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, WebSocket
from starlette.responses import Response

from onlyme.errors import UnknownOwner
from onlyme.serve.access.assertions import SeenBy
from onlyme.serve.access.auth import Caller, require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.live.enroll import describe_promise, enroll_live
from onlyme.serve.live.sensitivity import collect_sensitivity
from onlyme.serve.live.stream import Stream
from onlyme.serve.live.visits import watch_visits
from onlyme.serve.live.watch import choose_stricter, watch_live
from onlyme.serve.routes.shared import (
    Audience,
    Here,
    Look,
    Nonce,
    Person,
    answer_json,
    check_assertion_query,
    redact_for,
    require_admin,
)
from onlyme.serve.state import SOURCE, ServiceState
from onlyme.types import LivenessLevel, checked_name

if TYPE_CHECKING:
    from onlyme import FaceID
    from onlyme.serve.live.latest_frame import LatestFrame
    from onlyme.serve.live.stream import Job, MessageSender
    from onlyme.types import Decision

__all__ = ["router", "run_stream"]

router = APIRouter(prefix="/v1")


@router.websocket("/names/{name}/sitting")
async def enroll_stream(
    websocket: WebSocket,
    name: Person,
    service: Here,
    caller: Annotated[Caller, require_scope(Scope.ENROLL)],
    *,
    add: bool = False,
    replace: bool = False,
    anyway: bool = False,
    look: Look = "",
) -> None:
    """Enroll a person before the camera: receive JPEG frames, send advice and the result."""
    if add or replace or anyway:
        require_admin(caller)
    how: dict[str, Any] = {"add": add, "replace": replace, "anyway": anyway}
    how["look"] = look and checked_name(look)  # before anybody sits before the camera

    def run_enroll(face_id: FaceID, latest: LatestFrame, say: MessageSender) -> None:
        enroll_live(face_id, name, latest, say, **how)

    await run_stream(websocket, service, caller, run_enroll)


@router.websocket("/names/{name}/watch")
async def watch_stream(
    websocket: WebSocket,
    name: Person,
    service: Here,
    caller: Annotated[Caller, require_scope(Scope.VERIFY)],
    liveness: LivenessLevel | None = None,
    audience: Audience = None,
    nonce: Nonce = None,
) -> None:
    """Decide attempt after attempt: receive JPEG frames, send observations and decisions.

    A caller may ask for a stricter liveness level than the setting, never for a weaker one, and for
    an assertion. The first decision that accepts carries it: a nonce is good for one.
    """
    check_assertion_query(audience, nonce)
    service.guesses.check(caller)
    unused_nonce = nonce
    level = choose_stricter(service.level, liveness)

    def count_and_redact(decision: Decision) -> dict[str, Any]:
        nonlocal unused_nonce
        service.metrics.count_decision(decision)
        document = redact_for(decision, caller)
        if audience is not None:
            document["assertion"] = None
            if decision.accepted and unused_nonce is not None:
                document["assertion"] = service.signer.sign(
                    name, audience, unused_nonce, SeenBy.STREAM, decision.liveness.level
                )
                unused_nonce = None
        return document

    def run_watch(face_id: FaceID, latest: LatestFrame, say: MessageSender) -> None:
        try:
            attention = service.attention
            margins = caller.scope.grants(Scope.ADMIN)
            tell = count_and_redact
            watch_live(face_id, name, level, attention, latest, say, tell, margins=margins)
        except UnknownOwner:
            service.guesses.count(caller)
            raise

    await run_stream(websocket, service, caller, run_watch)


@router.websocket("/identify/watch")
async def watch_everybody_stream(
    websocket: WebSocket,
    service: Here,
    caller: Annotated[Caller, require_scope(Scope.VERIFY)],
) -> None:
    """Follow all people before one camera: receive JPEG frames, send their visits.

    Each visit is an attempt, counted for this token alone: strangers before one door close no
    other. Where the operator started the service as a doorbell, nothing is counted.
    """
    opens = not service.options.doorbell
    admin = caller.scope.grants(Scope.ADMIN)

    def run_visits(face_id: FaceID, latest: LatestFrame, say: MessageSender) -> None:
        source, level = f"{SOURCE} {caller.key}", service.level
        how: dict[str, Any] = {"source": source, "opens": opens, "admin": admin}
        watch_visits(face_id, level, latest, say, reports=service.reports, **how)

    await run_stream(websocket, service, caller, run_visits)


@router.get(
    "/names/{name}/promise", dependencies=[require_scope(Scope.ENROLL)], include_in_schema=False
)
async def show_promise(name: Person, service: Here) -> Response:
    """Return the person's certificate in sentences."""
    sentences = await service.engine.run(lambda face_id: describe_promise(face_id, name))
    return answer_json({"name": name, "sentences": sentences})


@router.post(
    "/names/{name}/revoke", dependencies=[require_scope(Scope.ADMIN)], include_in_schema=False
)
async def revoke(name: Person, service: Here) -> Response:
    """Re-encrypt a person's template with a new secret; copies stolen earlier stop working."""
    await service.engine.run(lambda face_id: face_id.admin.revoke(name))
    return answer_json({"name": name, "revoked": True})


@router.get(
    "/names/{name}/attempts", dependencies=[require_scope(Scope.ADMIN)], include_in_schema=False
)
async def show_attempts(name: Person, service: Here) -> Response:
    """Return what the alpha slider shows: margins of own photos, strangers and attempts."""
    return answer_json(await service.engine.run(lambda face_id: collect_sensitivity(face_id, name)))


async def run_stream(websocket: WebSocket, service: ServiceState, caller: Caller, job: Job) -> None:
    """Run a job on the pictures of a client, whose earlier stream it ends.

    Raises:
        ProblemError: there are too many streams (503).
    """
    stream = Stream(
        websocket, service.open_face_id, service.log_error, lambda: service.is_current(caller)
    )
    # By what was checked: a token has one stream, and so has each browser with a session.
    key = f"page {caller.digest}" if caller.page else caller.key
    async with service.streams.admit(key, stream):
        await stream.run(job)
