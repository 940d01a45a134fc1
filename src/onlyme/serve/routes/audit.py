"""Answer with the audit log, the metrics and the keys that check assertions."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from onlyme.errors import UsageError
from onlyme.faceid.serialize import serialize_entry
from onlyme.serve import assertion_schemas, schemas
from onlyme.serve.access.auth import require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.metrics import CONTENT_TYPE
from onlyme.serve.openapi import describe_answer
from onlyme.serve.routes.shared import Here, answer_json

__all__ = ["router"]

router = APIRouter(prefix="/v1")


@router.get(
    "/audit",
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(schemas.Entry, several=True),
)
async def audit(
    service: Here,
    owner: Annotated[
        str | None, Query(description="Entries of this person only.", max_length=64)
    ] = None,
    since: Annotated[datetime | None, Query(description="A time with time zone.")] = None,
    until: Annotated[datetime | None, Query(description="A time with time zone.")] = None,
    limit: Annotated[
        int, Query(description="Number of entries; the newest are sent.", ge=1, le=10_000)
    ] = 1000,
) -> Response:
    """List the log, the oldest entry first: attempts, enrollments, changes, erasures."""
    if any(when is not None and when.tzinfo is None for when in (since, until)):
        raise UsageError("give times with a time zone, such as 2026-11-24T12:00:00Z")

    entries = await service.engine.run(
        lambda face_id: deque(face_id.admin.gate.audit.entries(owner, since, until), limit)
    )
    return answer_json([serialize_entry(entry) for entry in entries])


@router.get("/openapi.json", include_in_schema=False)
async def describe_service(request: Request) -> Response:
    """Describe all routes for programs."""
    return answer_json(request.app.openapi())


@router.get(
    "/metrics",
    dependencies=[require_scope(Scope.METRICS)],
    response_class=Response,
    responses={
        200: {
            "description": "Counts in Prometheus' text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
)
async def show_metrics(service: Here) -> Response:
    """Show counts of requests, decisions and waiting jobs; no data about any person."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE)


@router.get(
    "/keys", dependencies=[require_scope(Scope.VERIFY)], **describe_answer(assertion_schemas.Jwks)
)
async def list_keys(service: Here) -> Response:
    """Return the public keys that check assertions, as a JSON Web Key Set."""
    return answer_json(service.signer.jwks)
