"""Learn a person from photos, or again from changed examples, and store the result."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from onlyme.enrollment.advice import advise_owner
from onlyme.enrollment.photos import collect_photos
from onlyme.errors import (
    ModelMissing,
    UsageError,
    check_callback,
    refuse_gallery,
    refuse_taken,
    refuse_twice,
    unknown_owner,
)
from onlyme.faceid.same_person import refuse_same_person
from onlyme.gate.audit import Event
from onlyme.siamese.examples import Examples
from onlyme.siamese.owner import Owner, make_lesson
from onlyme.siamese.presets import estimate_far_alike
from onlyme.types import MAX_FAR, Enrollment, checked_name, find_similar_name
from onlyme.vault.admin import QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.enrollment.examine import HeadReader
    from onlyme.enrollment.photos import Photo
    from onlyme.faceid.wiring import Parts
    from onlyme.siamese.head import Base
    from onlyme.types import Lesson, PhotoReport, Tuning
    from onlyme.vault.transaction import VaultTransaction

    Photos = Photo | Iterable[Photo]

Result = TypeVar("Result")

__all__ = ["enroll_person", "refuse_loose_alpha", "teach_person", "tune_person"]


def enroll_person(
    parts: Parts,
    name: str,
    photos: tuple[Photos, Photos, Photos],
    on_photo: Callable[[PhotoReport], None] | None = None,
    *,
    add: bool = False,
    replace: bool = False,
    anyway: bool = False,
    look: str = "",
) -> Enrollment:
    """Learn a person from photos; see `FaceID.enroll`.

    Args:
        parts: the parts of the FaceID.
        name: the person's name.
        photos: photos of the person, of others, and of others who look like the person.
        on_photo: called with the report on each photo.
        add: add to what is enrolled under this name.
        replace: replace what is enrolled under this name.
        anyway: enroll a person who is enrolled under another name, and from photos on which eyes
            or mouth seem covered.
        look: the look that the photos of the person show.

    Raises:
        OwnerExists, EnrollmentError, UsageError: as for `FaceID.enroll`.
    """
    start, base, store = perf_counter(), parts.base, parts.admin.store
    name, look = checked_name(name), _check_look(look)
    check_callback("on_photo", on_photo)
    known = _find_known_examples(parts, name, add=add, replace=replace)
    collected = collect_photos(
        parts.pipeline(),
        known,
        *photos,
        on_photo,
        limits=base.photo_limits,
        read_head=_find_head_reader(parts),
        look=look,
        allow_cover=anyway,
    )
    if not anyway:
        refuse_same_person(parts.enrolled, name, collected.examples.me)

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
        owner = owner.add_eyes(collected.eyes)
        edit.put(owner.to_template())
        words = _count_photos(owner) + (f", look {look}" if look else "")
        parts.admin.gate.note(edit, Event.ENROLL, name, words)

    return Enrollment(
        name=name,
        me=collected.me,
        not_me=collected.others,
        alpha=owner.alpha,
        far=owner.far,
        notes=(*owner.learned.report.notes, *_note_similar(name, store.names())),
        advice=advise_owner(base, owner, collected.me, added=earlier is not None),
        created=owner.created,
        seconds=perf_counter() - start,
        far_alike=estimate_far_alike(owner.far),
    )


def _find_known_examples(parts: Parts, name: str, *, add: bool, replace: bool) -> Examples:
    """Return the examples that photos are added to; a name that may not be used is refused."""
    if add and replace:
        raise UsageError("give either add or replace, not both")
    taken = name in parts.admin.store.names()
    refuse_taken(name, taken=taken and not (add or replace))
    refuse_twice(name, in_gallery=parts.enrolled.is_member(name))
    if taken and add:
        return parts.enrolled.owner(name).examples
    return Examples.make_empty(parts.base.dimension)


def _check_look(look: str) -> str:
    """Return the name of a look; empty without one. What is no text is refused."""
    given: object = look
    return "" if isinstance(given, str) and not given else checked_name(look)


def _note_similar(name: str, names: list[str]) -> list[str]:
    """Say which enrolled name could be confused with this one."""
    other = find_similar_name(name, names)
    return [f"'{other}' is enrolled as well; the two names are easily confused"] if other else []


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


def refuse_loose_alpha(owner: Owner, alpha: float | None) -> None:
    """Refuse an alpha that is looser than any promise, unless it was asked for twice.

    Raises:
        UsageError: a stranger would pass more often than at the loosest rate one may choose.
    """
    rate = None if alpha is None else owner.learned.far_at(alpha)
    if rate is not None and rate > MAX_FAR:
        raise UsageError(
            f"with alpha {alpha:+.3f} a stranger would pass in {rate:.0%} of tries, and no promise "
            f"is looser than {MAX_FAR:.0%}; nothing was changed. To set it all the same, add --yes "
            "(REST: yes=true)"
        )


def tune_person(parts: Parts, name: str, *, far: float | None, alpha: float | None) -> Tuning:
    """Set the alpha of an owner; see `FaceID.tune`."""

    def tune(before: Owner) -> tuple[Owner, Tuning]:
        after = before.tune(far=far, alpha=alpha)
        return after, after.tuning(before.alpha)

    return _change_owner(parts, name, Event.TUNE, tune, lambda owner: f"alpha {owner.alpha:.3f}")


def _count_photos(owner: Owner) -> str:
    count = len(owner.examples.me)
    return f"{count} photo" if count == 1 else f"{count} photos"


def _change_owner(
    parts: Parts,
    name: str,
    event: Event,
    change: Callable[[Owner], tuple[Owner, Result]],
    describe: Callable[[Owner], str] = lambda _: "",
) -> Result:
    """Store a changed owner and a line of the log in one transaction; return the result."""
    name, store = checked_name(name), parts.admin.store
    refuse_gallery(name, in_gallery=parts.enrolled.is_member(name))
    with store.edit() as edit:
        before = _read_owner(edit, parts.base, name)
        if before is None:
            raise unknown_owner(name, store.names())
        after, result = change(before)
        edit.put(after.to_template())
        parts.admin.gate.note(edit, event, name, describe(after))
    return result


def _find_head_reader(parts: Parts) -> HeadReader | None:
    """Return what reads a mesh; None without the network, as then attention refuses anyway."""
    try:
        return parts.mesh().read
    except ModelMissing:
        return None


def _read_owner(edit: VaultTransaction, base: Base, name: str) -> Owner | None:
    template = edit.get(name)
    return None if template is None else Owner.from_template(base, template)
