"""Build the application: guard, routes and page."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

import onlyme
from onlyme.errors import OnlymeError
from onlyme.serve import assertion_schemas, event_schemas, face_schemas, schemas
from onlyme.serve.access.refusal_page import answer
from onlyme.serve.compreface import documents as compreface_documents
from onlyme.serve.compreface import faces as compreface_faces
from onlyme.serve.compreface import recognize, subjects
from onlyme.serve.guard import Guard, refuse
from onlyme.serve.openapi import build_document
from onlyme.serve.options import Options
from onlyme.serve.problems import ProblemError, convert_error, convert_status
from onlyme.serve.routes import (
    audit,
    docs,
    embeddings,
    events,
    examples,
    faces,
    fool,
    identify,
    lab,
    live,
    manage,
    people,
    sign_in,
    unknown,
    verify,
)
from onlyme.serve.routes import service as service_routes
from onlyme.serve.routes import settings as settings_routes
from onlyme.serve.routes.strict import KNOWN_PARAMETERS, add_fallback
from onlyme.serve.state import ServiceState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import HTTPConnection
    from starlette.responses import Response
    from starlette.websockets import WebSocket

    from onlyme.settings import Settings

__all__ = ["PAGE", "choose_routers", "create_app"]

PAGE = Path(__file__).parent / "page"
"""The page's files. Every file in this folder is served at `/` to browsers with a session."""

MAX_DETAIL_CHARACTERS = 500
"""Length at which the detail of a validation problem is cut."""

ROUTERS = (
    *(
        sign_in.router,
        verify.router,
        identify.router,
        faces.router,
        people.router,
        manage.router,
        examples.router,
    ),
    *(
        audit.router,
        events.router,
        unknown.router,
        live.router,
        fool.router,
        lab.router,
        settings_routes.router,
        service_routes.router,
    ),
)
"""The routes that are always there, beside the page."""


def choose_routers(options: Options) -> list[APIRouter]:
    """Return the routes of a service, in the order in which they are tried.

    Raises:
        UsageError: Swagger UI is not installed.
    """
    routers = list(ROUTERS)
    if options.docs:
        routers.append(docs.make_router())
    if options.embeddings:
        routers.append(embeddings.router)
    if options.compreface:
        routers += [subjects.router, compreface_faces.router, recognize.router]
    return routers


def create_app(settings: Settings, options: Options | None = None) -> FastAPI:
    """Return the application; its vault is opened when the server starts.

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
        openapi_url=None,  # a route of our own is as strict as the others
        redirect_slashes=False,
    )
    app.state.service = service
    app.openapi = lambda: _build_openapi(app)  # type: ignore[method-assign]  # as FastAPI advises
    routers = choose_routers(service.options)
    for router in routers:
        app.include_router(router, dependencies=[KNOWN_PARAMETERS])
    add_fallback(app, routers)
    # Only the page's own files are compressed: they hold no secret that their size could tell.
    app.mount("/", GZipMiddleware(StaticFiles(directory=PAGE, html=True)))
    for kind in (OnlymeError, ProblemError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _answer_error)  # type: ignore[arg-type]  # of both kinds
    app.add_middleware(Guard, service=service)
    return app


def _build_openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        options: Options = app.state.service.options
        parts = [schemas, face_schemas, assertion_schemas, event_schemas]
        parts += [compreface_documents] if options.compreface else []
        documents = [document for part in parts for document in part.DOCUMENTS]
        app.openapi_schema = build_document(app, choose_routers(options), documents)
    return app.openapi_schema


async def _answer_error(connection: HTTPConnection, error: Exception) -> Response | None:
    """Answer an error that a route raised with a problem."""
    if isinstance(error, ProblemError):
        problem = error
    elif isinstance(error, OnlymeError):
        problem = convert_error(error)
    elif isinstance(error, HTTPException):
        problem = convert_status(error.status_code)
        problem.headers.update(error.headers or {})
    elif isinstance(error, RequestValidationError):
        problem = ProblemError(400, "bad-parameter", _describe_validation(error))
    else:
        problem = convert_status(500)
    if problem.status >= 500 and not isinstance(error, ProblemError):
        ServiceState.get_from(connection).log_error(error)
    if connection.scope["type"] == "http":
        return answer(problem, connection.scope)
    websocket = cast("WebSocket", connection)
    await refuse(problem, websocket.scope, websocket.receive, websocket.send)
    return None


def _describe_validation(error: RequestValidationError) -> str:
    """Say what is wrong with the parameters, without repeating what was sent: it may be a face."""
    faults: list[dict[str, Any]] = list(error.errors())
    text = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)
    return text[:MAX_DETAIL_CHARACTERS]
