"""List, add, rename and delete subjects."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from onlyme import FaceID
from onlyme.errors import UsageError
from onlyme.serve.access.auth import require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.compreface import documents
from onlyme.serve.compreface.people import (
    add_subject,
    check_new_subject,
    list_subjects,
    remove_subject,
    rename_subject,
)
from onlyme.serve.openapi import describe_answer
from onlyme.serve.routes.shared import Here, Person, answer_json

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/recognition/subjects")


@router.get(
    "", dependencies=[require_scope(Scope.ENROLL)], **describe_answer(documents.SubjectList)
)
async def show_subjects(service: Here) -> Response:
    """List the names of all subjects."""
    return answer_json({"subjects": await service.engine.run(list_subjects)})


@router.post(
    "",
    openapi_extra=documents.describe_document(documents.SubjectName),
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(documents.SubjectName, status=201),
)
async def create_subject(request: Request, service: Here) -> Response:
    """Add a subject without a face."""
    name = _read_name(await service.uploads.receive_document(request))
    await service.engine.run(lambda face_id: add_subject(face_id, name))
    return answer_json({"subject": name}, 201)


@router.put(
    "/{name}",
    openapi_extra=documents.describe_document(documents.SubjectName),
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(documents.SubjectUpdated),
)
async def update_subject(request: Request, name: Person, service: Here) -> Response:
    """Give a subject another name; a subject that has that name already is merged with it."""
    new = _read_name(await service.uploads.receive_document(request))
    await service.engine.run(
        lambda face_id: rename_subject(face_id, name, new), seconds=service.options.enroll_seconds
    )
    return answer_json({"updated": True})


@router.delete(
    "/{name}",
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(documents.SubjectName),
)
async def delete_subject(name: Person, service: Here) -> Response:
    """Erase a subject, and everything that is stored of the person."""
    await service.engine.run(lambda face_id: remove_subject(face_id, name))
    return answer_json({"subject": name})


@router.delete(
    "", dependencies=[require_scope(Scope.ADMIN)], **describe_answer(documents.DeletedSubjects)
)
async def delete_all_subjects(service: Here) -> Response:
    """Erase all subjects, and everything that is stored of these people."""

    def remove_all(face_id: FaceID) -> int:
        names = list_subjects(face_id)
        for name in names:
            remove_subject(face_id, name)
        return len(names)

    seconds = service.options.enroll_seconds
    return answer_json({"deleted": await service.engine.run(remove_all, seconds=seconds)})


def _read_name(document: Any) -> str:
    """Return the name in a body; what clients send beside it says nothing new."""
    name = document.get("subject") if isinstance(document, dict) else None
    if not isinstance(name, str):
        raise UsageError('send a document such as {"subject": "ada"}')
    return check_new_subject(name)
