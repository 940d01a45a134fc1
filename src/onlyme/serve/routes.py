"""Who is it: health, names, verify."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from onlyme.documents import decision_json, dumped, owners_json
from onlyme.names import checked_name
from onlyme.serve.auth import Caller, needs
from onlyme.serve.service import SOURCE, Service
from onlyme.serve.tokens import Scope
from onlyme.serve.uploads import left
from onlyme.types import Decision, Reason

__all__ = ["Here", "Person", "answered", "router"]

router = APIRouter(prefix="/v1")

Here = Annotated[Service, Depends(Service.of)]
"""The service, for a route that takes it."""


def _person(name: Annotated[str, Path(description="The person's name.")]) -> str:
    return checked_name(unquote(name))  # the guard left slashes encoded


Person = Annotated[str, Depends(_person)]
"""A person's name, checked, for a route with `{name}` in its path."""


def answered(document: Any, status: int = 200) -> Response:
    """Return the very document that the command line prints."""
    return Response(dumped(document, indent=None), status, media_type="application/json")


@router.get("/health")
async def health() -> dict[str, str]:
    """Say that the service runs, and nothing else."""
    return {"status": "ok"}


@router.get("/names", dependencies=[needs(Scope.ENROLL)])
async def names(service: Here) -> Response:
    """List who is enrolled."""
    return answered(
        await service.engine.run(lambda face_id: owners_json(face_id.names(), face_id.owner))
    )


@router.post("/names/{name}/verify")
async def verify(
    request: Request,
    name: Person,
    service: Here,
    caller: Annotated[Caller, needs(Scope.VERIFY)],
) -> Response:
    """Decide whether a picture, or the frames of one capture, show this person."""
    most = service.options.body_bytes
    async with service.uploads.received(request, ("frame",), most) as body:
        frames = body.get("frame", [])
        image = frames[0] if len(frames) == 1 else frames
        decision = await service.engine.run(
            lambda face_id: face_id.verify(name, image, service.level, gate=True, source=SOURCE),
            gone=lambda: left(request),
        )
    return answered(told(decision, caller))


_UNTOLD = {Reason.NOT_LIVE, Reason.LIVENESS_UNDECIDED, Reason.AMBIGUOUS}
"""Reasons that say of a face that is not let in that it would match."""


def told(decision: Decision, caller: Caller) -> dict[str, Any]:
    """Return what a caller may know of a decision.

    Without margin, alpha and the single checks nobody can climb: whoever sees how near a
    picture came changes it until it passes.
    """
    if caller.scope.grants(Scope.ADMIN):
        return decision_json(decision)
    reason = Reason.NO_MATCH if decision.reason in _UNTOLD else decision.reason
    return {"accepted": decision.accepted, "name": decision.name, "reason": reason}
