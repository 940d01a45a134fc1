"""List, add and delete the faces of subjects."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from onlyme import FaceID
from onlyme.errors import UnknownOwner, UsageError
from onlyme.serve.access.auth import require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.compreface import documents
from onlyme.serve.compreface.people import (
    FaceNumber,
    add_face,
    list_faces,
    list_subjects,
    remove_faces,
)
from onlyme.serve.compreface.results import MinProbability, make_no_face
from onlyme.serve.openapi import describe_answer, describe_pictures
from onlyme.serve.routes.shared import Here, answer_json
from onlyme.serve.uploads.body import wait_until_gone
from onlyme.serve.uploads.pictures import decode_picture
from onlyme.types import checked_name

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/recognition/faces")

MAX_DELETED_AT_ONCE = 1000
"""Ids in one list of faces to delete."""

Subject = Annotated[str, Query(description="The subject's name.", max_length=64)]


@router.get("", dependencies=[require_scope(Scope.ENROLL)], **describe_answer(documents.FacePage))
async def show_faces(
    service: Here,
    page: Annotated[int, Query(description="The page's number.", ge=0, le=10**6)] = 0,
    size: Annotated[int, Query(description="Faces on a page.", ge=1, le=1000)] = 20,
    subject: Annotated[
        str | None, Query(description="Only faces of this subject.", max_length=64)
    ] = None,
) -> Response:
    """List the faces from which subjects were learned: their ids, never a picture."""
    name = None if subject is None else checked_name(subject)
    faces, total = await service.engine.run(lambda face_id: list_faces(face_id, name, page, size))
    return answer_json(
        {
            "faces": [_describe(face) for face in faces],
            "page_number": page,
            "page_size": size,
            "total_pages": math.ceil(total / size),
            "total_elements": total,
        }
    )


@router.post(
    "",
    openapi_extra=describe_pictures("file"),
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(documents.StoredFace, status=201),
)
async def create_face(
    request: Request,
    service: Here,
    subject: Subject,
    det_prob_threshold: MinProbability = 0.0,
) -> Response:
    """Learn a subject from one more photo; the first one makes the subject."""
    name = checked_name(subject)
    async with service.uploads.receive_one(request, "file", service.options.body_bytes) as file:

        def add(face_id: FaceID) -> FaceNumber:
            photo = decode_picture(face_id.pipeline.decode, file)
            seen = face_id.pipeline.find(photo)
            if not any(face.score >= det_prob_threshold for face in seen.faces):
                raise make_no_face()
            return add_face(face_id, name, seen)

        added = await service.engine.run(
            add,
            wait_until_gone=lambda: wait_until_gone(request),
            seconds=service.options.enroll_seconds,  # the person is learned again
        )
    return answer_json(_describe(added), 201)


@router.delete(
    "", dependencies=[require_scope(Scope.ADMIN)], **describe_answer(documents.DeletedFaces)
)
async def delete_faces(
    service: Here,
    subject: Annotated[
        str | None, Query(description="Only faces of this subject.", max_length=64)
    ] = None,
) -> Response:
    """Erase all faces, or all of one subject; the subjects stay, without a face."""
    name = None if subject is None else checked_name(subject)

    def remove(face_id: FaceID) -> int:
        names = list_subjects(face_id) if name is None else [name]
        return sum(len(remove_faces(face_id, each)) for each in names)

    seconds = service.options.enroll_seconds
    return answer_json({"deleted": await service.engine.run(remove, seconds=seconds)})


@router.delete(
    "/{image_id}",
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(documents.StoredFace),
)
async def delete_face(
    service: Here, image_id: Annotated[str, Path(description="The face's id.", max_length=500)]
) -> Response:
    """Erase one face; with the last one of a subject, everything about the person."""
    face = FaceNumber.parse(image_id)
    removed = await _remove_each(service, [face] if face else [])
    if not removed:
        raise UnknownOwner("no face has this image_id")
    return answer_json(removed[0])


@router.post(
    "/delete",
    openapi_extra=documents.describe_document(documents.StoredFace, several=True),
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(documents.StoredFace, several=True),
)
async def delete_several(request: Request, service: Here) -> Response:
    """Erase several faces, given as a list of their ids; return those that were there."""
    ids = await service.uploads.receive_document(request)
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise UsageError("send a list of the faces' ids")
    if len(ids) > MAX_DELETED_AT_ONCE:
        raise UsageError(f"send at most {MAX_DELETED_AT_ONCE} ids")
    faces = [face for each in ids if (face := FaceNumber.parse(each))]
    return answer_json(await _remove_each(service, faces))


async def _remove_each(service: Here, faces: list[FaceNumber]) -> list[dict[str, Any]]:
    def remove(face_id: FaceID) -> list[dict[str, Any]]:
        wanted: dict[str, set[int]] = {}
        for face in faces:
            wanted.setdefault(face.subject, set()).add(face.number)
        return [
            _describe(FaceNumber(subject, number))
            for subject, numbers in wanted.items()
            for number in remove_faces(face_id, subject, numbers)
        ]

    seconds = service.options.enroll_seconds  # each person is learned again
    return await service.engine.run(remove, seconds=seconds)


def _describe(face: FaceNumber) -> dict[str, Any]:
    return {"image_id": face.image_id, "subject": face.subject}
