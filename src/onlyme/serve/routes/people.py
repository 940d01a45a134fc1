"""Enroll, list, forget, tune, teach and certify people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from onlyme import FaceID
from onlyme.errors import UsageError
from onlyme.faceid.learn import refuse_loose_alpha
from onlyme.faceid.serialize import serialize_enrollment, serialize_owners, serialize_person
from onlyme.serve import schemas
from onlyme.serve.access.auth import Caller, require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.openapi import describe_answer, describe_pictures
from onlyme.serve.routes.shared import Here, Person, answer_json, require_admin
from onlyme.serve.state import ServiceState
from onlyme.serve.uploads.body import wait_until_gone
from onlyme.serve.uploads.pictures import Abandonment, label_photos
from onlyme.siamese.presets import choose_far
from onlyme.types import Enrollment, Lesson, Tuning

__all__ = ["router"]

router = APIRouter(prefix="/v1/names")

_FIELDS = ("me", "not_me", "look_alikes")


Anyway = Annotated[
    bool,
    Query(description="Enroll a person who is enrolled under another name; needs `admin`."),
]


Look = Annotated[
    str, Query(description="A name for what the photos of the person show, such as `glasses`.")
]


@router.get(
    "",
    dependencies=[require_scope(Scope.ENROLL)],
    **describe_answer(schemas.Person, schemas.GalleryMember, schemas.Outdated, several=True),
)
async def list_names(
    service: Here,
    where: Annotated[
        Literal["vault", "gallery"] | None,
        Query(description="Only the owners in the vault, or only the people in the gallery."),
    ] = None,
) -> Response:
    """List who is enrolled: the owners in the vault, then the people in the gallery."""

    def list_people(face_id: FaceID) -> list[dict[str, Any]]:
        owners = [] if where == "gallery" else serialize_owners(face_id.names(), face_id.owner)
        members = [] if where == "vault" else face_id.gallery_people()
        return owners + [serialize_person(one) for one in members]

    return answer_json(await service.engine.run(list_people))


@router.post(
    "/{name}",
    openapi_extra=describe_pictures(*_FIELDS),
    **describe_answer(schemas.Learned, status=201),
)
async def enroll(
    request: Request,
    name: Person,
    service: Here,
    caller: Annotated[Caller, require_scope(Scope.ENROLL)],
    *,
    add: Annotated[
        bool, Query(description="Add photos to the person of this name; needs `admin`.")
    ] = False,
    look: Look = "",
    anyway: Anyway = False,
) -> Response:
    """Learn a person from photos: one is enough, five are advised."""
    if add or anyway:
        require_admin(caller)
    return await _enroll_photos(request, name, service, look, add=add, anyway=anyway)


@router.put(
    "/{name}",
    openapi_extra=describe_pictures(*_FIELDS),
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(schemas.Learned),
)
async def put(
    request: Request, name: Person, service: Here, *, look: Look = "", anyway: Anyway = False
) -> Response:
    """Learn a person from photos, and replace the person of this name."""
    return await _enroll_photos(request, name, service, look, replace_=True, anyway=anyway)


@router.delete(
    "/{name}", dependencies=[require_scope(Scope.ADMIN)], **describe_answer(schemas.Forgotten)
)
async def forget(name: Person, service: Here) -> Response:
    """Erase everything that is stored of a person."""
    await service.engine.run(lambda face_id: face_id.forget(name))
    return answer_json({"name": name, "forgotten": True})


@router.get(
    "/{name}/tune", dependencies=[require_scope(Scope.ENROLL)], **describe_answer(schemas.Tuned)
)
async def show_tuning(name: Person, service: Here) -> Response:
    """Show a person's alpha, and what it is expected to cost."""
    return answer_json(asdict(await service.engine.run(lambda face_id: face_id.tune(name))))


@router.post(
    "/{name}/tune", dependencies=[require_scope(Scope.ADMIN)], **describe_answer(schemas.Tuned)
)
async def tune(
    name: Person,
    service: Here,
    far: Annotated[
        float | None, Query(description="Accept a random stranger at most this often.")
    ] = None,
    alpha: Annotated[
        float | None, Query(description="The margin that a face must reach, −2 to 2.")
    ] = None,
    preset: Annotated[
        str | None,
        Query(
            description="A false accept rate that a standard or vendor asks for, such as `nist`."
        ),
    ] = None,
    *,
    yes: Annotated[
        bool, Query(description="Also set an alpha that is looser than any promise.")
    ] = False,
) -> Response:
    """Set how strictly a person is recognised; send one of `far`, `alpha` and `preset`."""
    far, alpha = choose_far(far=far, preset=preset, alpha=alpha)

    def run_tune(face_id: FaceID) -> Tuning:
        if not yes:
            refuse_loose_alpha(face_id.find_owner(name), alpha)
        return face_id.tune(name, far=far, alpha=alpha)

    return answer_json(asdict(await service.engine.run(run_tune)))


@router.get(
    "/{name}/certificate",
    dependencies=[require_scope(Scope.ENROLL)],
    **describe_answer(schemas.Certificate),
)
async def show_certificate(name: Person, service: Here) -> Response:
    """Show how often a stranger would be accepted, with the evidence for it."""
    return answer_json(asdict(await service.engine.run(lambda face_id: face_id.certificate(name))))


@router.post(
    "/{name}/not-me",
    openapi_extra=describe_pictures("frame"),
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(schemas.NotMeResult),
)
async def not_me(request: Request, name: Person, service: Here) -> Response:
    """Teach the face of another person: from now on it is not taken for this one."""
    max_bytes = service.options.body_bytes
    async with service.uploads.receive(request, ("frame",), max_bytes) as body:
        frames = body.get("frame", [])
        if len(frames) != 1:
            raise UsageError("send exactly one frame")
        lesson: Lesson = await service.engine.run(
            lambda face_id: face_id.not_me(name, frames[0]),
            wait_until_gone=lambda: wait_until_gone(request),
            seconds=service.options.enroll_seconds,  # the person is learned again
        )
    return answer_json(asdict(lesson))


@router.delete(
    "/{name}/not-me",
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(schemas.NotMeResult),
)
async def undo_not_me(name: Person, service: Here) -> Response:
    """Take back the last lesson of `not-me`."""
    lesson = await service.engine.run(
        lambda face_id: face_id.undo_not_me(name), seconds=service.options.enroll_seconds
    )
    return answer_json(asdict(lesson))


async def _enroll_photos(
    request: Request,
    name: str,
    service: ServiceState,
    look: str,
    *,
    add: bool = False,
    replace_: bool = False,
    anyway: bool = False,
) -> Response:
    seconds = service.options.enroll_seconds
    max_bytes = service.options.enroll_bytes
    async with service.uploads.receive(request, _FIELDS, max_bytes, seconds) as body:
        abandonment = Abandonment()
        files = {field: body.get(field, []) for field in _FIELDS}

        def run_enroll(face_id: FaceID) -> Enrollment:
            photos = label_photos(face_id.pipeline.decode, files, abandonment)
            me, not_me, alike = (photos[field] for field in _FIELDS)
            return face_id.enroll(
                name,
                me,
                not_me,
                look_alikes=alike,
                add=add,
                replace=replace_,
                anyway=anyway,
                look=look,
            )

        enrollment = await service.engine.run(
            run_enroll,
            wait_until_gone=lambda: wait_until_gone(request),
            seconds=seconds,
            on_abandoned=abandonment.set,
        )
    return answer_json(serialize_enrollment(enrollment), 200 if replace_ else 201)
