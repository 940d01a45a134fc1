"""Enroll, list, forget, tune, teach and certify people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from onlyme import FaceID
from onlyme.errors import unknown_owner
from onlyme.faceid.learn import refuse_loose_alpha
from onlyme.faceid.own_face import compare_with_own_photos, describe_own_face
from onlyme.faceid.serialize import serialize_enrollment, serialize_owners, serialize_person
from onlyme.serve import schemas
from onlyme.serve.access.auth import Caller, require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.openapi import describe_answer, describe_pictures
from onlyme.serve.problems import ProblemError
from onlyme.serve.routes.shared import Here, Look, Person, answer_json, require_admin
from onlyme.serve.state import ServiceState
from onlyme.serve.uploads.body import wait_until_gone
from onlyme.serve.uploads.pictures import Abandonment, decode_picture, label_photos
from onlyme.siamese.presets import choose_far
from onlyme.types import Enrollment, Lesson, Tuning, checked_name

__all__ = ["router"]

router = APIRouter(prefix="/v1/names")

_FIELDS = ("me", "not_me", "look_alikes")


Anyway = Annotated[
    bool,
    Query(
        description="Enroll a person who is enrolled under another name, and from pictures on "
        "which eyes or mouth seem covered; needs `admin`."
    ),
]


Where = Annotated[
    Literal["vault", "gallery"] | None,
    Query(description="Only the owners in the vault, or only the people in the gallery."),
]


@router.get(
    "",
    dependencies=[require_scope(Scope.ENROLL)],
    **describe_answer(schemas.Person, schemas.GalleryMember, schemas.Outdated, several=True),
)
async def list_names(
    service: Here,
    where: Where = None,
    contains: Annotated[
        str | None,
        Query(description="Only names with this text, in capitals or not.", max_length=64),
    ] = None,
    after: Annotated[
        str | None,
        Query(description="Only names after this one: the last of the page before.", max_length=64),
    ] = None,
    limit: Annotated[int | None, Query(description="How many at most.", ge=1, le=1000)] = None,
) -> Response:
    """List who is enrolled: the owners in the vault, then the people in the gallery.

    With `limit` or `after`, a page of both together, by name.
    """
    is_paged = limit is not None or after is not None

    def list_page(face_id: FaceID) -> list[dict[str, Any]]:
        owners = [] if where == "gallery" else face_id.names()
        members = [] if where == "vault" else face_id.gallery_people()
        people = {person.name: person for person in members}
        names = set(choose_page([*owners, *people], contains, after, limit))
        documents = serialize_owners([name for name in owners if name in names], face_id.owner)
        documents += [serialize_person(one) for one in members if one.name in names]
        return sorted(documents, key=lambda one: str(one["name"])) if is_paged else documents

    return answer_json(await service.engine.run(list_page))


def choose_page(
    names: Iterable[str], contains: str | None, after: str | None, limit: int | None
) -> list[str]:
    """Return the names of one page, in their order.

    >>> choose_page(["ada", "bob", "Adam"], "AD", None, None)
    ['Adam', 'ada']
    >>> choose_page(["a", "b", "c", "d"], None, "a", 2)
    ['b', 'c']
    """
    text = (contains or "").casefold()
    found = sorted(name for name in names if text in name.casefold() and name > (after or ""))
    return found[:limit]


@router.get(
    "/{name}",
    dependencies=[require_scope(Scope.ENROLL)],
    **describe_answer(schemas.Person, schemas.GalleryMember, schemas.Outdated),
)
async def show_name(name: Person, service: Here) -> Response:
    """Show what is stored of one person, in the vault or in the gallery."""

    def describe(face_id: FaceID) -> dict[str, Any]:
        if found := serialize_owners([name] if name in face_id.names() else [], face_id.owner):
            return found[0]
        person = face_id.get_gallery_person(name)
        if person is None:
            raise unknown_owner(name, [])
        return serialize_person(person)

    return answer_json(await service.engine.run(describe))


@router.post(
    "/{name}/rename",
    dependencies=[require_scope(Scope.ADMIN)],
    **describe_answer(schemas.Renamed),
)
async def rename(
    name: Person,
    service: Here,
    to: Annotated[str, Query(description="The new name.", max_length=64)],
) -> Response:
    """Give a person another name. Attempts that were counted stay counted."""
    new = checked_name(to)
    await service.engine.run(lambda face_id: face_id.rename(name, new))
    return answer_json({"name": new, "was": name})


@router.post(
    "/{name}/merge", dependencies=[require_scope(Scope.ADMIN)], **describe_answer(schemas.Tuned)
)
async def merge(
    name: Person,
    service: Here,
    other: Annotated[str, Query(description="The name that is forgotten.", max_length=64)],
    *,
    anyway: Annotated[
        bool, Query(description="Merge even if the photos do not look like one person.")
    ] = False,
) -> Response:
    """Make one person of two names: the first keeps the examples of both."""
    merged = await service.engine.run(
        lambda face_id: face_id.merge(name, checked_name(other), anyway=anyway),
        seconds=service.options.enroll_seconds,  # the person is learned again
    )
    return answer_json(asdict(merged))


@router.post(
    "/{name}",
    openapi_extra=describe_pictures("me", optional=_FIELDS[1:]),
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
    openapi_extra=describe_pictures("me", optional=_FIELDS[1:]),
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
async def not_me(
    request: Request,
    name: Person,
    service: Here,
    *,
    yes: Annotated[
        bool, Query(description="Also teach a face that is accepted as this person now.")
    ] = False,
) -> Response:
    """Teach the face of another person: from now on it is not taken for this one.

    A face that is accepted as this person now may be the person's own, and learning it would
    spoil their recognition: that is refused (409, `looks-like-owner`) unless `yes` is set.
    """
    max_bytes = service.options.body_bytes
    async with service.uploads.receive_one(request, "frame", max_bytes) as sent:

        def run_not_me(face_id: FaceID) -> Lesson:
            face_id.find_owner(name)  # an unknown name is told before the picture is looked at
            frame = decode_picture(face_id.pipeline.decode, sent)
            if not yes:
                _refuse_own_face(compare_with_own_photos(face_id, name, frame))
            return face_id.not_me(name, frame)

        lesson = await service.engine.run(
            run_not_me,
            wait_until_gone=lambda: wait_until_gone(request),
            seconds=service.options.enroll_seconds,  # the person is learned again
        )
    return answer_json(asdict(lesson))


@router.post(
    "/{name}/not-me/compare",
    include_in_schema=False,
    dependencies=[require_scope(Scope.ADMIN)],
)
async def compare_not_me(request: Request, name: Person, service: Here) -> Response:
    """Say, before a lesson, whether the face is accepted as this person now."""
    async with service.uploads.receive_one(request, "frame", service.options.body_bytes) as sent:

        def compare(face_id: FaceID) -> dict[str, Any]:
            frame = decode_picture(face_id.pipeline.decode, sent)
            return compare_with_own_photos(face_id, name, frame)

        compared = await service.engine.run(
            compare, wait_until_gone=lambda: wait_until_gone(request)
        )
    return answer_json(compared)


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


def _refuse_own_face(compared: dict[str, Any]) -> None:
    """Refuse to teach a face that is accepted as this person now: it may be the person's own."""
    if doubt := describe_own_face(compared):
        raise ProblemError(
            409,
            "looks-like-owner",
            f"{doubt} Nothing was changed; to teach it all the same, set yes=true",
        )


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
