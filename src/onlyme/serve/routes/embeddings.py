"""Answer with the embeddings of faces, where the operator switched that on.

An embedding is biometric data. It finds the same person in any collection that was made with the
same network, a face like the person's can be computed from it, and it cannot be changed as a
password can. So there is a scope for it that `admin` does not include, and the service
does not answer it unless it was started with `--embeddings`.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from onlyme import FaceID
from onlyme.serve import face_schemas
from onlyme.serve.access.auth import require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.openapi import describe_answer, describe_pictures
from onlyme.serve.routes.located import describe_face
from onlyme.serve.routes.shared import Here, answer_json
from onlyme.serve.uploads.body import wait_until_gone
from onlyme.serve.uploads.pictures import Abandonment

__all__ = ["router"]

router = APIRouter(prefix="/v1")


@router.post(
    "/embeddings",
    openapi_extra=describe_pictures("frame"),
    dependencies=[require_scope(Scope.EMBEDDINGS)],
    **describe_answer(face_schemas.Embedded),
)
async def embed(request: Request, service: Here) -> Response:
    """Return the embedding of every face of a picture, if the service gives embeddings.

    No face is compared with any person, and none of an enrolled person is given. An embedding is
    biometric data: with it, the person can be found in other collections.
    """
    async with service.uploads.receive_one(request, "frame", service.options.body_bytes) as frame:
        abandonment = Abandonment()
        found = await service.engine.run(
            lambda face_id: embed_faces(face_id, frame, abandonment),
            wait_until_gone=lambda: wait_until_gone(request),
            on_abandoned=abandonment.set,
        )
    return answer_json(found)


def embed_faces(face_id: FaceID, picture: bytes, abandonment: Abandonment) -> dict[str, Any]:
    """Return the faces of a picture as a document with their embeddings."""
    pipeline = face_id.pipeline
    frame = pipeline.decode(picture)
    height, width = frame.pixels.shape[:2]
    faces = []
    for found in pipeline.find_all(frame):
        abandonment.check()
        embedding = pipeline.embed(found).embedding
        if found.face is not None and embedding is not None:
            vector = [float(value) for value in embedding.vector]
            faces.append(describe_face(frame.pixels, found.face) | {"embedding": vector})
    return {"model": pipeline.embedder.model, "width": width, "height": height, "faces": faces}
