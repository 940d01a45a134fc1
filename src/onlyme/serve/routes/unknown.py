"""Answer who came without a name, where that is kept: list, show, name and forget them.

A picture of a person who was not asked is for admins alone, and so is when they came. A person is
enrolled only if the request says that the operator agreed.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from onlyme import FaceID
from onlyme.serve import event_schemas
from onlyme.serve.access.auth import require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.openapi import describe_answer
from onlyme.serve.problems import ProblemError
from onlyme.serve.routes.shared import Here, answer_json
from onlyme.types import checked_name

__all__ = ["router"]

router = APIRouter(prefix="/v1/unknown", dependencies=[require_scope(Scope.ADMIN)])

_ID = "^[0-9a-f]{1,32}$"

Group = Annotated[str, Path(description="The group, as the list names it.", pattern=_ID)]


@router.get("", **describe_answer(event_schemas.UnknownList))
async def list_unknown(service: Here) -> Response:
    """List the unknown visits that are kept, grouped by person, the largest group first.

    Nothing is kept unless the setting `unknown_days` says for how long.
    """

    def list_groups(face_id: FaceID) -> list[dict[str, Any]]:
        return [group.to_document() for group in face_id.unknown_people()]

    groups = await service.engine.run(list_groups, seconds=service.options.enroll_seconds)
    return answer_json({"days": service.settings.unknown_days, "groups": groups})


@router.get(
    "/pictures/{visit}",
    response_class=Response,
    responses={
        200: {
            "description": "The face, at most 320 pixels wide or high.",
            "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
)
async def show_unknown(
    service: Here,
    visit: Annotated[str, Path(description="One of `seen`.", pattern=_ID)],
) -> Response:
    """Return the picture of one visit. A browser or proxy may not store it."""

    def read_picture(face_id: FaceID) -> bytes | None:
        with face_id.open_events() as events:
            events.purge_unknown()
            found = events.find_unknown(visit)
        return None if found is None else found.picture

    picture = await service.engine.run(read_picture)
    if picture is None:
        raise ProblemError(404, "no-such-visit", "no visit of this number is kept")
    return Response(picture, media_type="image/jpeg")


@router.post("/{group}/name", **describe_answer(event_schemas.UnknownNamed))
async def name_unknown(
    service: Here,
    group: Group,
    name: Annotated[str, Query(description="Who it is.", max_length=64)],
    *,
    yes: Annotated[
        bool,
        Query(description="The operator looked at the pictures, and agrees; without it: 409."),
    ] = False,
    visits: Annotated[
        int | None,
        Query(description="How many visits they looked at; refused if there are others.", ge=1),
    ] = None,
    add: Annotated[
        bool, Query(description="Add to the person of the gallery who has this name.")
    ] = False,
    anyway: Annotated[
        bool, Query(description="Enroll a person who is enrolled under another name.")
    ] = False,
) -> Response:
    """Enroll the person of a group in the gallery under a name, and erase the group."""
    new = checked_name(name)
    if not yes:
        raise ProblemError(
            409,
            "needs-yes",
            "look at the pictures of the group first; yes=true says that it is this person",
        )
    count = await service.engine.run(
        lambda face_id: face_id.name_unknown(group, new, visits=visits, add=add, anyway=anyway),
        seconds=service.options.enroll_seconds,
    )
    return answer_json({"name": new, "group": group, "embeddings": count})


@router.delete("/{group}", **describe_answer(event_schemas.UnknownErased))
async def erase_unknown(service: Here, group: Group) -> Response:
    """Erase all that is kept of a group, also in backups."""
    notes = await service.engine.run(
        lambda face_id: face_id.erase_unknown([group]), seconds=service.options.enroll_seconds
    )
    return answer_json({"erased": [group], "notes": notes})
