"""List everybody, rename and merge people, and check a name before it is used."""

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
from onlyme.serve.routes.shared import Here, Person, answer_json
from onlyme.types import checked_name, find_similar_name

__all__ = ["router"]

router = APIRouter(prefix="/v1")

Name = Annotated[str, Query(description="1 to 64 printable characters.", max_length=400)]


@router.get(
    "/people",
    dependencies=[require_scope(Scope.ENROLL)],
    **describe_answer(schemas.Listed, several=True),
)
async def list_people(service: Here) -> Response:
    """List everybody by name: the owners in the vault and the people in the gallery."""
    people = await service.engine.run(lambda face_id: face_id.people())
    return answer_json([asdict(person) for person in people])


@router.post(
    "/names/{name}/rename",
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(schemas.Renamed),
)
async def rename(name: Person, service: Here, to: Name) -> Response:
    """Give a person another name. Attempts that were counted stay counted."""
    new = checked_name(to)
    await service.engine.run(lambda face_id: face_id.rename(name, new))
    return answer_json({"name": new, "renamed_from": name})


@router.post(
    "/names/{name}/merge",
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(schemas.Tuned),
)
async def merge(
    name: Person,
    service: Here,
    other: Name,
    *,
    anyway: Annotated[
        bool, Query(description="Also where the photos do not look like one person.")
    ] = False,
) -> Response:
    """Make one person of two names: this one keeps the photos of both, the other is forgotten."""
    gone = checked_name(other)
    tuning = await service.engine.run(
        lambda face_id: face_id.merge(name, gone, anyway=anyway),
        seconds=service.options.enroll_seconds,  # the person is learned again
    )
    return answer_json(asdict(tuning))


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
