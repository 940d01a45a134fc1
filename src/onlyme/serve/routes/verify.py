"""Answer verify and identify requests, and report that the service runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from onlyme import FaceID
from onlyme.errors import UsageError
from onlyme.serve.access.assertions import SeenBy
from onlyme.serve.access.auth import Caller, require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.openapi import describe_answer, describe_pictures
from onlyme.serve.routes.attempt import verify_counted
from onlyme.serve.routes.shared import (
    Audience,
    Here,
    Nonce,
    Person,
    answer_json,
    check_assertion_query,
    redact_for,
)
from onlyme.serve.schemas import Decided, Health, Verdicts
from onlyme.serve.uploads.body import wait_until_gone
from onlyme.serve.uploads.pictures import Abandonment
from onlyme.types import Decision

__all__ = ["router"]

router = APIRouter(prefix="/v1")

MAX_FRAMES = 30
"""Frames of one capture, which lasts at most three seconds."""


@router.get("/health", **describe_answer(Health))
async def report_health() -> Response:
    """Report that the service runs, and nothing else."""
    return answer_json({"status": "ok"})


@router.post(
    "/names/{name}/verify",
    openapi_extra=describe_pictures("frame"),
    **describe_answer(Verdicts, Decided),
)
async def verify(
    request: Request,
    name: Person,
    service: Here,
    caller: Annotated[Caller, require_scope(Scope.VERIFY)],
    audience: Audience = None,
    nonce: Nonce = None,
) -> Response:
    """Decide whether a picture, or the frames of one capture, show this person.

    Counts as an attempt: after five failures within five minutes the answer is `locked_out`. Each
    of several frames may have 1920×1080 pixels. A token for `verify` that asks for five names that
    are not enrolled must wait as long (429).
    """
    check_assertion_query(audience, nonce)
    most = service.options.body_bytes
    async with service.uploads.receive(request, ("frame",), most) as body:
        frames = body.get("frame", [])
        if not 0 < len(frames) <= MAX_FRAMES:
            raise UsageError(f"send 1 to {MAX_FRAMES} frames")
        abandonment = Abandonment()

        def run_verify(face_id: FaceID) -> Decision:
            return verify_counted(face_id, service, caller, name, frames, abandonment)

        decision = await service.engine.run(
            run_verify,
            wait_until_gone=lambda: wait_until_gone(request),
            on_abandoned=abandonment.set,
        )
    service.metrics.count_decision(decision)
    document = redact_for(decision, caller)
    if audience is not None and nonce is not None:
        seen_by = SeenBy.PICTURE if len(frames) == 1 else SeenBy.FRAMES
        level = decision.liveness.level
        document["assertion"] = (
            service.signer.sign(name, audience, nonce, seen_by, level)
            if decision.accepted
            else None
        )
    return answer_json(document)
