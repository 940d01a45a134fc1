"""Open the page: a link that works once begins a browser's session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import RedirectResponse, Response

from onlyme.serve.access.auth import SESSION_SECONDS
from onlyme.serve.access.tokens import Tokens
from onlyme.serve.options import LOOPBACK
from onlyme.serve.problems import ProblemError
from onlyme.serve.state import ServiceState

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/open")
async def open_(
    token: Annotated[str, Query(max_length=128)],
    service: Annotated[ServiceState, Depends(ServiceState.get_from)],
) -> Response:
    """Begin a session, and redirect to the page without the token in its address."""
    if not await service.engine.run(lambda face_id: Tokens(face_id.admin).use_link(token)):
        raise ProblemError(
            401, "link-used", "this link is used or too old; `onlyme serve link` prints a new one"
        )
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        service.cookie,
        service.sessions.begin(),
        max_age=int(SESSION_SECONDS),
        httponly=True,
        samesite="strict",
        # Under any other host name the cookie needs HTTPS: over plain HTTP browsers drop it.
        secure=f"{service.options.host}" not in {*LOOPBACK, "::1"},
    )
    return answer
