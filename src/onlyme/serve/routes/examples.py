"""List the stored examples of a person, and remove single ones or a look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Path
from starlette.responses import Response

from onlyme import FaceID
from onlyme.faceid.serialize import serialize_example
from onlyme.serve import schemas
from onlyme.serve.access.auth import require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.openapi import describe_answer
from onlyme.serve.routes.shared import Here, Person, answer_json
from onlyme.serve.state import ServiceState

__all__ = ["router"]

router = APIRouter(prefix="/v1/names")


@router.get(
    "/{name}/examples",
    dependencies=[require_scope(Scope.ENROLL)],
    **describe_answer(schemas.StoredExample, several=True),
)
async def list_examples(name: Person, service: Here) -> Response:
    """List what a person was learned from: when, from what, and how good it was."""
    found = await service.engine.run(lambda face_id: face_id.examples(name))
    return answer_json([serialize_example(one) for one in found])


@router.delete(
    "/{name}/examples/{number}",
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(schemas.Removed),
)
async def remove_example(
    name: Person,
    service: Here,
    number: Annotated[int, Path(description="The number of the example.", ge=1)],
) -> Response:
    """Remove one example, and learn the person again from the others."""
    return await _remove(service, name, lambda face_id: face_id.remove_example(name, number))


@router.delete(
    "/{name}/looks/{look}",
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(schemas.Removed),
)
async def remove_look(
    name: Person,
    service: Here,
    look: Annotated[str, Path(description="The look, such as `glasses`.")],
) -> Response:
    """Remove all examples of a look, and learn the person again from the others."""
    wanted = unquote(look)  # the guard left slashes encoded
    return await _remove(service, name, lambda face_id: face_id.remove_look(name, wanted))


async def _remove(
    service: ServiceState, name: str, remove: Callable[[FaceID], list[str]]
) -> Response:
    def run(face_id: FaceID) -> dict[str, object]:
        notes = remove(face_id)
        return {"name": name, "left": len(face_id.examples(name)), "notes": notes}

    seconds = service.options.enroll_seconds  # the person is learned again
    return answer_json(await service.engine.run(run, seconds=seconds))
