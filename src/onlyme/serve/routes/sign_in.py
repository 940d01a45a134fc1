"""Open the page with a link that works once, and end the sessions of browsers."""

from __future__ import annotations

from asyncio import to_thread
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from onlyme import FaceID
from onlyme.serve.access.auth import MAX_SESSIONS, SESSION_SECONDS, make_secret, require_scope
from onlyme.serve.access.hosts import HTTPS, find_cookie_name
from onlyme.serve.access.tokens import Scope, Tokens, hash_secret
from onlyme.serve.problems import ProblemError
from onlyme.serve.state import ServiceState

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/open")
async def open_(
    request: Request,
    token: Annotated[str, Query(max_length=128)],
    service: Annotated[ServiceState, Depends(ServiceState.get_from)],
) -> Response:
    """Begin a session, and redirect to the page without the token in its address."""
    secret, port = make_secret(), service.options.port

    def use_link(face_id: FaceID) -> bool:
        tokens = Tokens(face_id.admin)
        valid = tokens.use_link(token)
        if valid:
            lifetime = timedelta(seconds=SESSION_SECONDS)
            tokens.store_session(hash_secret(secret), port, lifetime, MAX_SESSIONS)
        return valid

    if not await service.engine.run(use_link):
        raise ProblemError(
            401, "link-used", "this link is used or too old; `onlyme serve link` prints a new one"
        )
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        find_cookie_name(request.scope, port),
        service.sessions.begin(secret),
        max_age=int(SESSION_SECONDS),
        httponly=True,
        samesite="strict",
        secure=request.scope[HTTPS],  # over plain HTTP, browsers then drop it
    )
    return answer


@router.post("/sign-out", dependencies=[require_scope(Scope.ADMIN)])
async def sign_out(
    request: Request, service: Annotated[ServiceState, Depends(ServiceState.get_from)]
) -> Response:
    """End the sessions of all browsers, and with them their streams and the lab's network."""
    service.sessions.end_all()
    await service.engine.run(
        lambda face_id: Tokens(face_id.admin).end_sessions(service.options.port)
    )
    await to_thread(service.lab.erase)
    answer = Response(status_code=204)
    answer.delete_cookie(
        find_cookie_name(request.scope, service.options.port),
        httponly=True,
        samesite="strict",
        secure=request.scope[HTTPS],
    )
    return answer
