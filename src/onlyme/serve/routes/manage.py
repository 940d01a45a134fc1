"""List everybody, and check a name before it is used."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from onlyme import FaceID
from onlyme.errors import UsageError
from onlyme.serve import schemas
from onlyme.serve.access.auth import require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.openapi import describe_answer
from onlyme.serve.routes.shared import Here, answer_json
from onlyme.types import checked_name, find_similar_name

__all__ = ["router"]

router = APIRouter(prefix="/v1")


@router.get(
    "/people",
    dependencies=[require_scope(Scope.ENROLL)],
    **describe_answer(schemas.Listed, several=True),
)
async def list_people(service: Here) -> Response:
    """List everybody by name: the owners in the vault and the people in the gallery."""
    people = await service.engine.run(lambda face_id: face_id.people())
    return answer_json([asdict(person) for person in people])


@router.get("/name-check", dependencies=[require_scope(Scope.ENROLL)], include_in_schema=False)
async def check_name(service: Here, name: Annotated[str, Query(max_length=4000)]) -> Response:
    """Say whether this can be a name, whether it is taken, and which name is easily mixed up.

    What is no name is an answer here, and no error: the user may still be typing.
    """
    try:
        canonical = checked_name(name)
    except UsageError as error:
        return answer_json({"name": None, "problem": str(error)})

    def look(face_id: FaceID) -> dict[str, Any]:
        similar = find_similar_name(canonical, face_id.names())
        taken = face_id.is_enrolled(canonical)
        return {"name": canonical, "problem": None, "taken": taken, "similar": similar}

    return answer_json(await service.engine.run(look))
