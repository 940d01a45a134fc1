"""What the page needs beside the REST service: live streams, and what its views show.

These routes follow the page from version to version; apps go by the documented ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, WebSocket
from starlette.responses import Response

from onlyme.serve.access.auth import Caller, needs
from onlyme.serve.access.tokens import Scope
from onlyme.serve.live.enroll import promise, sit
from onlyme.serve.live.sensitivity import sensitivity
from onlyme.serve.live.stream import Stream
from onlyme.serve.live.watch import stricter, watch
from onlyme.serve.routes.people import may_change
from onlyme.serve.routes.verify import Here, Person, answered, told
from onlyme.serve.state import Service
from onlyme.types import LivenessLevel

if TYPE_CHECKING:
    from onlyme.faceid.face_id import FaceID
    from onlyme.serve.live.latest_frame import Newest
    from onlyme.serve.live.stream import Job, Say
    from onlyme.types import Decision

__all__ = ["router"]

router = APIRouter(prefix="/v1")


@router.websocket("/names/{name}/sitting")
async def sitting(
    websocket: WebSocket,
    name: Person,
    service: Here,
    caller: Annotated[Caller, needs(Scope.ENROLL)],
    *,
    add: bool = False,
    replace: bool = False,
) -> None:
    """Enroll a person before the camera: JPEG frames in, advice and the result out."""
    if add or replace:
        may_change(caller)

    def job(face_id: FaceID, newest: Newest, say: Say) -> None:
        sit(face_id, name, newest, say, add=add, replace=replace)

    await _stream(websocket, service, caller, job)


@router.websocket("/names/{name}/watch")
async def watching(
    websocket: WebSocket,
    name: Person,
    service: Here,
    caller: Annotated[Caller, needs(Scope.VERIFY)],
    liveness: LivenessLevel | None = None,
) -> None:
    """Decide attempt after attempt: JPEG frames in, what was seen and decided out.

    A caller may ask to look harder for a photo in place of the person, never less hard.
    """
    level = stricter(service.level, liveness)

    def tell(decision: Decision) -> dict[str, Any]:
        service.metrics.decided(decision)
        return told(decision, caller)

    def job(face_id: FaceID, newest: Newest, say: Say) -> None:
        watch(face_id, name, level, newest, say, tell)

    await _stream(websocket, service, caller, job)


@router.get("/names/{name}/promise", dependencies=[needs(Scope.ENROLL)], include_in_schema=False)
async def promised(name: Person, service: Here) -> Response:
    """Say in sentences what the person's certificate says in numbers."""
    sentences = await service.engine.run(lambda face_id: promise(face_id, name))
    return answered({"name": name, "sentences": sentences})


@router.post("/names/{name}/revoke", dependencies=[needs(Scope.ADMIN)], include_in_schema=False)
async def revoke(name: Person, service: Here) -> Response:
    """Turn a person's template by a new secret: every stolen copy of it is void."""
    await service.engine.run(lambda face_id: face_id.keeping.revoke(name))
    return answered({"name": name, "revoked": True})


@router.get("/names/{name}/attempts", dependencies=[needs(Scope.ADMIN)], include_in_schema=False)
async def attempts(name: Person, service: Here) -> Response:
    """Show what alpha decides: margins of the person's photos, of strangers, of attempts."""
    return answered(await service.engine.run(lambda face_id: sensitivity(face_id, name)))


async def _stream(websocket: WebSocket, service: Service, caller: Caller, job: Job) -> None:
    stream = Stream(websocket, service)
    key = f"{caller.name} {websocket.cookies.get(service.cookie, '')}"
    async with service.streams.entered(key, stream):
        await stream.run(job)
