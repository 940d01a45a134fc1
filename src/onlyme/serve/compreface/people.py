"""Keep subjects and faces as CompreFace's clients know them, over the people of a vault.

In CompreFace a subject may have no face yet, and a face has an id. Here a person is learned from
photos, so the names of subjects without a face are records of their own in the vault; and an id is
made of the person's name and the number of the example.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onlyme.errors import EnrollmentError, OwnerExists, UnknownOwner, UsageError
from onlyme.types import checked_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme import FaceID

__all__ = [
    "FaceNumber",
    "add_face",
    "add_subject",
    "check_new_subject",
    "has_face",
    "list_faces",
    "list_subjects",
    "remove_faces",
    "remove_subject",
    "rename_subject",
]

_EMPTY: Final = "empty-subject"
_NOT_IN_PATHS: Final = re.compile(r"[/\\?#%&+]")
"""CompreFace's clients put a name into an address as it is. With one of these signs that would be
another address: `../faces` those of all people."""

_ID = re.compile(r"([A-Za-z0-9_-]{1,400})\.([1-9][0-9]{0,8})")


class FaceNumber(NamedTuple):
    """One face of a subject.

    Attributes:
        subject: the person's name.
        number: of the example.
    """

    subject: str
    number: int

    @property
    def image_id(self) -> str:
        """The id that clients know it by.

        >>> FaceNumber("ada", 3).image_id, FaceNumber.parse("YWRh.3")
        ('YWRh.3', FaceNumber(subject='ada', number=3))
        """
        name = urlsafe_b64encode(self.subject.encode()).rstrip(b"=").decode()
        return f"{name}.{self.number}"

    @classmethod
    def parse(cls, image_id: str) -> FaceNumber | None:
        """Undo `image_id`; None where no face can have this id."""
        match = _ID.fullmatch(image_id)
        if match is None:
            return None
        try:
            name = urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4)).decode()
            face = cls(checked_name(name), int(match[2]))
        except (ValueError, UsageError):
            return None
        return face if face.image_id == image_id else None


def check_new_subject(name: str) -> str:
    """Return a name for a new subject in its one form, as CompreFace's clients can use it.

    Raises:
        UsageError: no subject may have this name.

    >>> check_new_subject("Ada ")
    'Ada'
    """
    name = checked_name(name)
    if _NOT_IN_PATHS.search(name) or name in {".", ".."}:
        raise UsageError(
            "a subject's name has none of / \\ ? # % & + and is not . or .., since clients of "
            "CompreFace could not ask for it"
        )
    return name


def list_subjects(face_id: FaceID) -> list[str]:
    """Return the names of all subjects, also of those without a face."""
    enrolled = [person.name for person in face_id.people()]
    return sorted({*enrolled, *face_id.admin.store.keys(_EMPTY)})


def add_subject(face_id: FaceID, name: str) -> None:
    """Add a subject without a face.

    Raises:
        OwnerExists: there is one of that name.
    """
    if face_id.is_enrolled(name) or name in face_id.admin.store.keys(_EMPTY):
        raise OwnerExists(name)
    _note_empty(face_id, name)


def rename_subject(face_id: FaceID, old: str, new: str) -> None:
    """Give a subject another name; one that has faces under both names is merged.

    Raises:
        UnknownOwner: there is no subject of the old name.
        UsageError: the faces of the two do not look like one person.
    """
    if old == new or not face_id.is_enrolled(old):
        known = face_id.is_enrolled(old) or _forget_empty(face_id, old)
        if not known:
            raise UnknownOwner(old)
        if not face_id.is_enrolled(new):
            _note_empty(face_id, new)
        return
    if face_id.is_enrolled(new):
        _merge(face_id, new, old)
    else:
        face_id.rename(old, new)
    _forget_empty(face_id, new)


def _merge(face_id: FaceID, name: str, other: str) -> None:
    try:
        face_id.merge(name, other)
    except UsageError:  # its message names an option that there is not here
        raise UsageError(
            "there is a subject of that name, and the faces of the two do not look like one person"
        ) from None


def remove_subject(face_id: FaceID, name: str) -> None:
    """Erase a subject and everything that is stored of the person.

    Raises:
        UnknownOwner: there is none of that name.
    """
    was_empty = _forget_empty(face_id, name)
    if face_id.is_enrolled(name) or not was_empty:
        face_id.forget(name)


def list_faces(
    face_id: FaceID, subject: str | None, page: int, size: int
) -> tuple[list[FaceNumber], int]:
    """Return one page of the faces, and the number of all.

    Args:
        face_id: of the vault.
        subject: only faces of this one.
        page: the page's number, from 0.
        size: faces on a page, at least 1.
    """
    people = [person for person in face_id.people() if subject in (None, person.name)]
    first, total = page * size, sum(person.photos for person in people)

    def iterate() -> Iterator[FaceNumber]:
        before = 0
        for person in people:
            if first < before + person.photos and before < first + size:
                numbers = [example.number for example in face_id.examples(person.name)]
                yield from (
                    FaceNumber(person.name, number) for number in numbers[max(0, first - before) :]
                )
            before += person.photos

    return list(islice(iterate(), size)), total


def has_face(face_id: FaceID, face: FaceNumber) -> bool:
    """Return whether there is such a face."""
    if not face_id.is_enrolled(face.subject):
        return False
    return any(example.number == face.number for example in face_id.examples(face.subject))


def add_face(face_id: FaceID, subject: str, photo: Any) -> FaceNumber:
    """Learn a subject from one more photo, as `find` of the pipeline returned it.

    Raises:
        EnrollmentError: the photo cannot be used, or is there already.
        UsageError: the subject is new, and may not have this name.
        SamePerson: it shows a person who is enrolled under another name.
    """
    known = face_id.is_enrolled(subject)
    if not known:
        check_new_subject(subject)
    before = {example.number for example in face_id.examples(subject)} if known else set()
    enrollment = face_id.enroll(subject, [photo], add=known)
    added = {example.number for example in face_id.examples(subject)} - before
    if not added:
        raise EnrollmentError(next((one.note for one in enrollment.me), "the photo is not used"))
    _forget_empty(face_id, subject)
    return FaceNumber(subject, max(added))


def remove_faces(face_id: FaceID, subject: str, numbers: set[int] | None = None) -> list[int]:
    """Erase faces of a subject, by default all; return the numbers of those that were there.

    With the last one everything that is stored of the person is erased. The subject stays, without
    a face.
    """
    if not face_id.is_enrolled(subject):
        return []
    there = [example.number for example in face_id.examples(subject)]
    found = [number for number in there if numbers is None or number in numbers]
    if found and len(found) == len(there):
        _note_empty(face_id, subject)
        face_id.forget(subject)
    elif found:
        face_id.remove_examples(subject, found)
    return found


def _note_empty(face_id: FaceID, name: str) -> None:
    with face_id.admin.store.edit() as edit:
        edit.write(_EMPTY, name, b"")


def _forget_empty(face_id: FaceID, name: str) -> bool:
    """Return whether it was a subject without a face."""
    if name not in face_id.admin.store.keys(_EMPTY):
        return False
    with face_id.admin.store.edit() as edit:
        return bool(edit.remove(_EMPTY, name))
