"""Refuse what no route knows: parameters that are not its own, and methods that it has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Depends
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.routing import Match

from onlyme.serve.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import APIRouter, FastAPI

__all__ = ["KNOWN_PARAMETERS", "add_fallback"]

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _refuse_unknown_parameters(connection: HTTPConnection) -> None:
    """Refuse a query with a parameter that the route has not, such as one that was misspelled.

    A parameter that is there twice is refused, too: a proxy may read the other one.

    Raises:
        ProblemError: there is one (400).
    """
    route = connection.scope["route"]
    fields = get_flat_params(route.dependant)
    known = {field.alias for field in fields if isinstance(field.field_info, Query)}
    if not connection.query_params.keys() <= known:  # what was sent is not repeated
        names = ", ".join(sorted(known)) or "none"
        raise ProblemError(
            400, "unknown-parameter", f"this address knows these parameters: {names}"
        )
    if len(connection.query_params.multi_items()) > len(connection.query_params):
        raise ProblemError(400, "bad-parameter", "each parameter may be there once")


KNOWN_PARAMETERS = Depends(_refuse_unknown_parameters)
"""A dependency of all routes."""


def add_fallback(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Answer 405 where only the method is wrong, and 404 elsewhere; add it after the routes."""

    async def fall_back(request: Request) -> None:
        allowed: set[str] = set()
        for route in (route for router in routers for route in router.routes):
            if route.matches(request.scope)[0] is Match.PARTIAL:
                allowed |= getattr(route, "methods", None) or set()
        if allowed:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
        raise HTTPException(404)

    for path in ("/v1/{rest:path}", "/api/{rest:path}", "/open", "/sign-out"):
        app.add_api_route(path, fall_back, methods=_METHODS, include_in_schema=False)
