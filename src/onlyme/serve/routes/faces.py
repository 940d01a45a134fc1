"""Answer what needs no enrolled person: where faces are, and whether two are of one person."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from onlyme import FaceID
from onlyme.errors import UsageError
from onlyme.serve import face_schemas
from onlyme.serve.access.auth import Caller, require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.openapi import describe_answer, describe_pictures
from onlyme.serve.routes.located import describe_face
from onlyme.serve.routes.shared import Here, answer_json
from onlyme.serve.uploads.body import wait_until_gone

__all__ = ["router"]

router = APIRouter(prefix="/v1")


@router.post(
    "/detect",
    openapi_extra=describe_pictures("frame"),
    dependencies=[require_scope(Scope.VERIFY)],
    **describe_answer(face_schemas.Detections),
)
async def detect(request: Request, service: Here) -> Response:
    """Find the faces of a picture, the largest first, with landmarks and quality.

    No face is compared with any person, so nothing is counted as an attempt.
    """
    async with service.uploads.receive_one(request, "frame", service.options.body_bytes) as frame:
        found = await service.engine.run(
            lambda face_id: find_faces(face_id, frame),
            wait_until_gone=lambda: wait_until_gone(request),
        )
    return answer_json(found)


@router.post(
    "/compare",
    openapi_extra=describe_pictures("first", "second"),
    **describe_answer(face_schemas.Compared, face_schemas.ComparedInFull),
)
async def compare(
    request: Request, service: Here, caller: Annotated[Caller, require_scope(Scope.VERIFY)]
) -> Response:
    """Decide whether two pictures show one person, at the rate `far` of the settings.

    Only a token for `scores` or `admin` is told how near they are: with that, a picture could be
    changed until it passes.
    """
    fields = ("first", "second")
    async with service.uploads.receive(request, fields, service.options.body_bytes) as body:
        pictures = [body.get(field, []) for field in fields]
        if [len(each) for each in pictures] != [1, 1]:
            raise UsageError("send one picture as `first`, and one as `second`")
        compared = await service.engine.run(
            lambda face_id: face_id.compare(pictures[0][0], pictures[1][0]),
            wait_until_gone=lambda: wait_until_gone(request),
        )
    document: dict[str, Any] = {"same": compared.same}
    if caller.scope.grants(Scope.SCORES):
        document |= {"distance": compared.distance, "margin": compared.margin}
        document |= {"alpha": compared.alpha, "far": compared.far}
    return answer_json(document)


def find_faces(face_id: FaceID, picture: bytes) -> dict[str, Any]:
    """Return the faces of a picture as a document."""
    frame = face_id.pipeline.decode(picture)
    height, width = frame.pixels.shape[:2]
    faces = face_id.pipeline.detector.detect(frame.pixels, every=True)
    return {
        "width": width,
        "height": height,
        "faces": [describe_face(frame.pixels, face) for face in faces],
    }
