"""Recognize the faces of a picture, and verify one against a subject."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from onlyme import FaceID
from onlyme.errors import UnknownOwner
from onlyme.serve.access.auth import Caller, require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.compreface import documents, results
from onlyme.serve.compreface.people import FaceNumber, has_face
from onlyme.serve.openapi import describe_answer, describe_pictures
from onlyme.serve.routes.attempt import verify_counted
from onlyme.serve.routes.located import list_compared_faces
from onlyme.serve.routes.shared import Here, answer_json
from onlyme.serve.state import SOURCE
from onlyme.serve.uploads.body import wait_until_gone
from onlyme.serve.uploads.pictures import Abandonment, name_picture
from onlyme.types import Decision, Face, Reason

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/recognition")

VERSIONS = {"detector": "onlyme", "calculator": "onlyme"}
"""What `status=true` tells."""

Found = list[tuple[Face, Decision | None]]


@router.post(
    "/recognize",
    openapi_extra=describe_pictures("file"),
    **describe_answer(documents.Recognized),
)
async def recognize(
    request: Request,
    service: Here,
    caller: Annotated[Caller, require_scope(Scope.VERIFY)],
    limit: results.Limit = 0,
    prediction_count: Annotated[
        int, Query(description="The most subjects for each face.", ge=0, le=100)
    ] = 1,
    det_prob_threshold: results.MinProbability = 0.0,
    face_plugins: results.Plugins = "",
    *,
    status: results.Status = False,
) -> Response:
    """Find out which subjects the faces of a picture show.

    Each face counts as an attempt to be anybody. A stranger has no subject: only a token for
    `scores` or `admin` is told whom a face resembles, and how much.
    """
    scores = caller.scope.grants(Scope.SCORES)
    plugins = results.read_plugins(face_plugins)

    def run_recognize(face_id: FaceID, picture: bytes, abandonment: Abandonment) -> Found:
        told: Found = []
        faces = face_id.iterate_faces(
            picture,
            liveness=service.level,
            gate=True,
            source=SOURCE,
            candidates=max(prediction_count, 1) if scores else 0,
            min_score=det_prob_threshold,
        )
        for face, decision in islice(faces, limit or None):
            told.append((face, decision))
            abandonment.check()
        return told

    found = await _look(request, service, run_recognize)
    result = []
    for face, decision in found:
        if decision is not None:
            service.metrics.count_decision(decision)
            likenesses = results.list_likenesses(decision, prediction_count, scores=scores)
            result.append(results.describe_box(face, plugins) | {"subjects": likenesses})
    return _answer(result, status=status)


@router.post(
    "/faces/{image_id}/verify",
    openapi_extra=describe_pictures("file"),
    **describe_answer(documents.VerifiedFaces),
)
async def verify_face(
    request: Request,
    service: Here,
    caller: Annotated[Caller, require_scope(Scope.VERIFY)],
    image_id: Annotated[str, Path(description="The id of a face.", max_length=500)],
    limit: results.Limit = 0,
    det_prob_threshold: results.MinProbability = 0.0,
    face_plugins: results.Plugins = "",
    *,
    status: results.Status = False,
) -> Response:
    """Decide whether a picture shows the subject of a face.

    The picture is compared with all that was learned of the subject, not with that one photo
    alone. Counts as an attempt to be that person.
    """
    scores = caller.scope.grants(Scope.SCORES)
    plugins = results.read_plugins(face_plugins)
    number = FaceNumber.parse(image_id)
    subject = number.subject if number else ""

    def run_verify(face_id: FaceID, picture: bytes, abandonment: Abandonment) -> Found:
        service.guesses.check(caller)
        if number is None or not has_face(face_id, number):
            face_id.pipeline.decode(picture)  # what cannot be read is answered alike for every id
            service.guesses.count(caller)
            raise UnknownOwner("no face has this image_id")
        seen: list[Any] = []  # what the picture showed
        decision = verify_counted(
            face_id, service, caller, number.subject, [picture], abandonment, seen.append
        )
        service.metrics.count_decision(decision)
        if not seen:  # the gate refused before the picture was looked at
            seen.append(face_id.pipeline.find(picture))
        faces = list_compared_faces(seen[0])
        one = [(face, decision if len(faces) == 1 else None) for face in faces]
        return [each for each in one if each[0].score >= det_prob_threshold]

    found = await _look(request, service, run_verify)
    result = [
        results.describe_box(face, plugins)
        | {
            "subject": subject,
            "similarity": _tell(decision, scores=scores),
        }
        for face, decision in found[: limit or None]
    ]
    return _answer(result, status=status)


async def _look(request: Request, service: Here, look: Any) -> Found:
    """Return what a function sees on the one picture of a request."""
    async with service.uploads.receive_one(request, "file", service.options.body_bytes) as file:
        abandonment = Abandonment()

        def run(face_id: FaceID) -> Found:
            with name_picture(file):
                found: Found = look(face_id, file, abandonment)
            return found

        return await service.engine.run(
            run,
            wait_until_gone=lambda: wait_until_gone(request),
            on_abandoned=abandonment.set,
        )


def _tell(decision: Decision | None, *, scores: bool) -> float:
    if decision is None:
        return 0.0
    if not scores or decision.margin is None or decision.alpha is None:
        return 1.0 if decision.accepted else 0.0
    if not decision.accepted and decision.reason not in {Reason.NO_MATCH, Reason.POOR_QUALITY}:
        return 0.0  # something else refused it; clients open by this number
    return round(results.measure_similarity(decision.margin, decision.alpha), 5)


def _answer(result: list[dict[str, Any]], *, status: bool) -> Response:
    if not result:
        raise results.make_no_face()
    return answer_json({"result": result} | ({"plugins_versions": VERSIONS} if status else {}))
