"""List all enrolled people: owners and gallery."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onlyme.errors import NeedsReenroll, UnknownOwner

if TYPE_CHECKING:
    from datetime import datetime

    from onlyme.faceid.enrolled import Enrolled
    from onlyme.vault.store import Store

__all__ = ["EnrolledPerson", "list_people"]


@dataclass(frozen=True, slots=True)
class EnrolledPerson:
    """One enrolled person, without any embedding.

    Attributes:
        name: the person's.
        where: `vault` for an owner, `gallery` for one of many people.
        photos: the photos that are learned from; 0 where another network made the template.
        created: when the person was enrolled or last changed, in UTC; None likewise.
        needs_reenroll: whether another network made the template, so that it opens nothing.

    Example:
        >>> with open_face_id(folder) as face_id:
        ...     enrollment = face_id.enroll("ada", draw_face("ada"))
        ...     (person,) = face_id.people()
        >>> person.name, person.where, person.photos
        ('ada', 'vault', 1)
    """

    name: str
    where: str
    photos: int
    created: datetime | None
    needs_reenroll: bool = False


def list_people(enrolled: Enrolled, store: Store) -> list[EnrolledPerson]:
    """Return everybody who is enrolled, by name."""
    people = [
        EnrolledPerson(person.name, "gallery", len(person.me), person.created)
        for person in enrolled.people()
    ]
    for name in store.names():
        with suppress(UnknownOwner):  # forgotten after the names were read
            people.append(_describe_owner(enrolled, name))
    return sorted(people, key=lambda person: person.name)


def _describe_owner(enrolled: Enrolled, name: str) -> EnrolledPerson:
    try:
        owner = enrolled.owner(name)
    except NeedsReenroll:
        return EnrolledPerson(name, "vault", 0, None, needs_reenroll=True)
    return EnrolledPerson(name, "vault", len(owner.examples.me), owner.created)


EnrolledPerson.__module__ = "onlyme"  # where users find it
