"""Answer who a picture shows: its one person, or each of its faces."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from onlyme import FaceID
from onlyme.serve.access.auth import Caller, require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.face_schemas import FoundFaces, FoundFacesInFull
from onlyme.serve.openapi import describe_answer, describe_pictures
from onlyme.serve.routes.located import identify_all_faces, redact_identity
from onlyme.serve.routes.shared import Here, answer_json, require_scores
from onlyme.serve.schemas import Decided, Verdicts
from onlyme.serve.state import SOURCE
from onlyme.serve.uploads.body import wait_until_gone
from onlyme.serve.uploads.pictures import Abandonment, name_picture
from onlyme.types import Decision

__all__ = ["router"]

router = APIRouter(prefix="/v1")


@router.post(
    "/identify",
    openapi_extra=describe_pictures("frame"),
    **describe_answer(Verdicts, Decided, FoundFaces, FoundFacesInFull),
)
async def identify(
    request: Request,
    service: Here,
    caller: Annotated[Caller, require_scope(Scope.VERIFY)],
    candidates: Annotated[
        int,
        Query(
            description="How many of the people whom the face resembles most are listed; needs "
            "`scores` or `admin`.",
            ge=0,
            le=100,
        ),
    ] = 0,
    *,
    all_: Annotated[
        bool, Query(alias="all", description="Decide about every face of the picture.")
    ] = False,
) -> Response:
    """Find out which of the enrolled people a picture shows, if any.

    Counts as an attempt to be anybody. With `all=true` every face is decided by itself, the
    largest first, and each counts as an attempt: of a picture of ten strangers, the sixth is
    `locked_out`.
    """
    if candidates:
        require_scores(caller, "the list of candidates tells whom a face resembles, and")
    most = service.options.body_bytes
    async with service.uploads.receive_one(request, "frame", most) as frame:
        abandonment = Abandonment()

        def run_identify(face_id: FaceID) -> tuple[dict[str, Any] | None, list[Decision]]:
            level = service.level
            with name_picture(frame):
                if all_:
                    return identify_all_faces(face_id, frame, level, candidates, abandonment)
                decision = face_id.identify(
                    frame, liveness=level, gate=True, source=SOURCE, candidates=candidates
                )
                return None, [decision]

        document, decisions = await service.engine.run(
            run_identify,
            wait_until_gone=lambda: wait_until_gone(request),
            on_abandoned=abandonment.set,
        )
    for decision in decisions:
        service.metrics.count_decision(decision)
    told = [redact_identity(decision, caller) for decision in decisions]
    if document is None:
        return answer_json(told[0])
    faces = [face | each for face, each in zip(document["faces"], told, strict=True)]
    return answer_json(document | {"faces": faces})
