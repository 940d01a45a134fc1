"""What happened, in numbers and line by line; and the keys that check assertions."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from onlyme.errors import UsageError
from onlyme.faceid.face_id import FaceID
from onlyme.faceid.serialize import entry_json
from onlyme.gate.audit import Entry
from onlyme.serve import schemas
from onlyme.serve.access.auth import needs
from onlyme.serve.access.tokens import Scope
from onlyme.serve.metrics import CONTENT_TYPE
from onlyme.serve.openapi import PROBLEMS, returns
from onlyme.serve.routes.verify import Here, answered

__all__ = ["router"]

router = APIRouter(prefix="/v1")


@router.get("/audit", dependencies=[needs(Scope.ADMIN)], **returns(schemas.Entry, several=True))
async def audit(
    service: Here,
    owner: Annotated[str | None, Query(description="Of one person only.", max_length=64)] = None,
    since: Annotated[datetime | None, Query(description="With a time zone.")] = None,
    until: Annotated[datetime | None, Query(description="With a time zone.")] = None,
    limit: Annotated[int, Query(description="The newest so many.", ge=1, le=10_000)] = 1000,
) -> Response:
    """Read what happened, the oldest first: attempts, enrollments, changes, erasures."""
    if any(when is not None and when.tzinfo is None for when in (since, until)):
        raise UsageError("say the time zone: 2026-11-24T12:00:00Z")

    def job(face_id: FaceID) -> list[Entry]:
        return list(deque(face_id.gate.audit.entries(owner, since, until), limit))

    return answered([entry_json(entry) for entry in await service.engine.run(job)])


@router.get(
    "/metrics",
    dependencies=[needs(Scope.METRICS)],
    response_class=Response,
    responses={
        200: {
            "description": "Counts in Prometheus' text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **PROBLEMS,
    },
)
async def metrics(service: Here) -> Response:
    """Count requests, decisions and what waits; nothing of any person."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE)


@router.get("/keys", dependencies=[needs(Scope.VERIFY)], **returns(schemas.Jwks))
async def keys(service: Here) -> Response:
    """Return the public keys that check assertions, as a JSON Web Key Set."""
    return answered(service.signer.jwks)
