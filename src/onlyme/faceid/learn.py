"""Learn a person from photos, or again from changed examples, and store the result."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from onlyme.enrollment.advice import advise_owner
from onlyme.enrollment.photos import collect_photos
from onlyme.errors import UsageError, refuse_taken, refuse_twice, unknown_owner
from onlyme.gate.audit import Event
from onlyme.siamese.owner import Examples, Owner, make_lesson
from onlyme.siamese.presets import estimate_far_alike
from onlyme.types import Enrollment, checked_name
from onlyme.vault.admin import QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.enrollment.photos import Photo
    from onlyme.faceid.wiring import Parts
    from onlyme.siamese.head import Base
    from onlyme.types import Lesson, PhotoReport, Tuning
    from onlyme.vault.store import VaultTransaction

    Photos = Photo | Iterable[Photo]

Result = TypeVar("Result")

__all__ = ["enroll_person", "teach_person", "tune_person"]


def enroll_person(
    parts: Parts,
    name: str,
    photos: tuple[Photos, Photos, Photos],
    on_photo: Callable[[PhotoReport], None] | None = None,
    *,
    add: bool = False,
    replace: bool = False,
) -> Enrollment:
    """Learn a person from photos; see `FaceID.enroll`.

    Args:
        parts: the parts of the FaceID.
        name: the person's name.
        photos: photos of the person, of others, and of others who look like the person.
        on_photo: called with the report on each photo.
        add: add to what is enrolled under this name.
        replace: replace what is enrolled under this name.

    Raises:
        OwnerExists, EnrollmentError, UsageError: as for `FaceID.enroll`.
    """
    start, base, store = perf_counter(), parts.base, parts.admin.store
    name = checked_name(name)
    if add and replace:
        raise UsageError("give either add or replace, not both")
    taken = name in store.names()
    refuse_taken(name, taken=taken and not (add or replace))
    refuse_twice(name, in_gallery=parts.enrolled.get(name) is not None)
    known = Examples.make_empty(base.dimension)
    if taken and add:
        known = parts.enrolled.owner(name).examples
    collected = collect_photos(parts.pipeline(), known, *photos, on_photo, measured=base.calibrated)

    with store.edit() as edit:
        # Looking at photos took seconds: read again, since another process may have enrolled.
        # What is replaced is not read: it may be another network's, or damaged.
        earlier = None if replace else _read_owner(edit, base, name)
        refuse_taken(name, taken=earlier is not None and not add)
        if earlier is not None:
            owner = earlier.relearn(base, earlier.examples + collected.examples)
        else:
            owner = Owner.learn(base, name, collected.examples, far=parts.settings.far)
            edit.remove(QUARANTINE, name)  # it belongs to the person who had this name before
        edit.put(owner.to_template())
        parts.admin.gate.note(edit, Event.ENROLL, name, f"{len(owner.examples.me)} photos")

    return Enrollment(
        name=name,
        me=collected.me,
        not_me=collected.others,
        alpha=owner.alpha,
        far=owner.far,
        notes=owner.learned.report.notes,
        advice=advise_owner(base, owner, collected.me, added=earlier is not None),
        created=owner.created,
        seconds=perf_counter() - start,
        far_alike=estimate_far_alike(owner.far),
    )


def teach_person(
    parts: Parts,
    name: str,
    change: Callable[[Examples], tuple[Examples, NDArray[np.float32]]],
) -> Lesson:
    """Learn an owner again from changed examples, and return how that moved a face.

    Args:
        parts: the parts of the FaceID.
        name: the owner.
        change: returns the new examples, and the face that the lesson is about.

    Raises:
        UnknownOwner: no person of that name is enrolled.
    """

    def relearn(before: Owner) -> tuple[Owner, Lesson]:
        examples, face = change(before.examples)
        after = before.relearn(parts.base, examples)
        return after, make_lesson(before, after, face)

    return _change_owner(parts, name, Event.TEACH, relearn)


def tune_person(parts: Parts, name: str, *, far: float | None, alpha: float | None) -> Tuning:
    """Set the alpha of an owner; see `FaceID.tune`."""

    def tune(before: Owner) -> tuple[Owner, Tuning]:
        after = before.tune(far=far, alpha=alpha)
        return after, after.tuning(before.alpha)

    return _change_owner(parts, name, Event.TUNE, tune, lambda owner: f"alpha {owner.alpha:.3f}")


def _change_owner(
    parts: Parts,
    name: str,
    event: Event,
    change: Callable[[Owner], tuple[Owner, Result]],
    describe: Callable[[Owner], str] = lambda _: "",
) -> Result:
    """Store a changed owner and a line of the log in one transaction; return the result."""
    name, store = checked_name(name), parts.admin.store
    with store.edit() as edit:
        before = _read_owner(edit, parts.base, name)
        if before is None:
            raise unknown_owner(name, store.names())
        after, result = change(before)
        edit.put(after.to_template())
        parts.admin.gate.note(edit, event, name, describe(after))
    return result


def _read_owner(edit: VaultTransaction, base: Base, name: str) -> Owner | None:
    template = edit.get(name)
    return None if template is None else Owner.from_template(base, template)
