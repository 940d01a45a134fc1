"""Settings come in; the whole application goes out: guard, routes, page."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

import onlyme
from onlyme.errors import OnlymeError
from onlyme.serve import schemas
from onlyme.serve.access.refusal_page import answer
from onlyme.serve.guard import Guard, refuse
from onlyme.serve.openapi import PROBLEMS, build_document
from onlyme.serve.options import Options
from onlyme.serve.problems import ProblemError, convert_error, convert_status
from onlyme.serve.routes import audit, live, people, sign_in, verify
from onlyme.serve.state import ServiceState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import HTTPConnection
    from starlette.responses import Response
    from starlette.websockets import WebSocket

    from onlyme.settings import Settings

__all__ = ["PAGE", "create_app"]

PAGE = Path(__file__).parent / "page"
"""The page's files; whatever lies there is served at `/`, to whom the page was opened for."""

ROUTERS = (sign_in.router, verify.router, people.router, audit.router, live.router)
"""Everything that is answered, beside the page."""


def create_app(settings: Settings, options: Options | None = None) -> FastAPI:
    """Put the application together; its vault is opened when the server starts.

    Args:
        settings: of the vault and the networks.
        options: of the service.
    """
    service = ServiceState(settings, options or Options())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            await service.start()
            yield
        finally:
            await service.stop()

    app = FastAPI(
        title="onlyme",
        version=onlyme.__version__,
        lifespan=lifespan,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # these pages load their scripts from other hosts
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.openapi = lambda: _build_openapi(app)  # type: ignore[method-assign]  # as FastAPI advises
    for router in ROUTERS:
        app.include_router(router, responses=PROBLEMS)
    app.mount("/", StaticFiles(directory=PAGE, html=True))
    for kind in (OnlymeError, ProblemError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _answer_error)  # type: ignore[arg-type]  # of both kinds
    app.add_middleware(Guard, service=service)
    return app


def _build_openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = build_document(app, ROUTERS, schemas.DOCUMENTS)
    return app.openapi_schema


async def _answer_error(connection: HTTPConnection, error: Exception) -> Response | None:
    """Answer whatever was raised with a problem."""
    if isinstance(error, ProblemError):
        refused = error
    elif isinstance(error, OnlymeError):
        refused = convert_error(error)
    elif isinstance(error, HTTPException):
        refused = convert_status(error.status_code)
        refused.headers.update(error.headers or {})
    elif isinstance(error, RequestValidationError):
        refused = convert_status(422, _describe_validation(error))
    else:
        refused = convert_status(500)
    if refused.status >= 500 and not isinstance(error, ProblemError):
        ServiceState.get_from(connection).log_error(error)
    if connection.scope["type"] == "http":
        return answer(refused, connection.scope)
    websocket = cast("WebSocket", connection)
    await refuse(refused, websocket.scope, websocket.receive, websocket.send)
    return None


def _describe_validation(error: RequestValidationError) -> str:
    """Say what was wrong with parameters, without what was sent: it may be a face."""
    found: list[dict[str, Any]] = list(error.errors())
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)[:500]
