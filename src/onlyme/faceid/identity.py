"""Keep one person under one name, and their examples in order.

The same face is noticed under two names, people are renamed and merged, and single examples or
looks are listed and removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import (
    NeedsReenroll,
    NoSuchGroup,
    OwnerExists,
    UsageError,
    refuse_taken,
    show_argument,
    unknown_owner,
)
from onlyme.faceid.adaptation import empty_quarantine
from onlyme.faceid.events import choose_groups, erase_visits, list_unknown
from onlyme.faceid.same_person import refuse_same_person
from onlyme.gate.audit import Event
from onlyme.siamese.owner import Owner
from onlyme.types import Example, checked_name
from onlyme.vault.admin import BACKUP, QUARANTINE, note_former_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from onlyme.faceid.wiring import Parts

__all__ = [
    "list_examples",
    "list_looks",
    "merge_people",
    "name_unknown",
    "remove_examples",
    "remove_look",
    "rename_person",
]

_MERGE_FOLDERS = (
    "whose people are not merged: put the photos of both into one folder with a person's name, run "
    "`onlyme enroll-folder --add`, and forget the other name"
)
_FORGET_FIRST = (
    "where examples cannot be removed one by one; run `onlyme forget NAME`, then enroll the other "
    "photos with `onlyme enroll-folder`"
)
_MAX_EXAMPLES = 24
"""Embeddings of unknown visits that a person is enrolled with."""


def rename_person(parts: Parts, name: str, new_name: str) -> None:
    """Give a person another name; see `FaceID.rename`."""
    old, new, store = checked_name(name), checked_name(new_name), parts.admin.store
    if old == new:
        raise UsageError(f"the person is called {old} already")
    person = parts.enrolled.get(old)
    _refuse_new_name(new, taken=parts.enrolled.get(new) is not None)
    with store.edit() as edit:
        _refuse_new_name(new, taken=edit.get(new) is not None)
        template = edit.get(old)
        if template is None and person is None:
            raise unknown_owner(old, store.names())
        if template is not None:
            edit.put(replace(template, name=new))
            edit.delete(old)
            quarantine = edit.get(old, QUARANTINE)
            edit.remove(QUARANTINE, new)
            if quarantine is not None:
                edit.put(replace(quarantine, name=new), QUARANTINE)
                edit.remove(QUARANTINE, old)
        parts.admin.gate.rename_owner(edit, old, new)
        note_former_name(edit, old, new)
        parts.admin.gate.note(edit, Event.RENAME, new, f"was {old}")
    if person is not None:
        # The new row first: if this is interrupted, the person has two names, and is not lost.
        parts.enrolled.ensure_gallery().put([replace(person, name=new, record=b"")])
        parts.enrolled.forget([old])


def _refuse_new_name(name: str, *, taken: bool) -> None:
    if taken:
        raise OwnerExists(
            f"{name} is enrolled already; choose another name, or make one person of two names "
            "in the vault with `onlyme merge`"
        )


def merge_people(parts: Parts, name: str, other: str, *, anyway: bool = False) -> Owner:
    """Add the examples of another owner to one, and forget the other; see `FaceID.merge`."""
    name, other, admin = checked_name(name), checked_name(other), parts.admin
    if name == other:
        raise UsageError("give two names")
    with admin.store.edit() as edit:
        templates = {each: edit.get(each) for each in (name, other)}
        for each, template in templates.items():
            if template is None:
                raise admin.make_missing(each, _MERGE_FOLDERS)
        kept, merged = (Owner.from_template(parts.base, t) for t in templates.values() if t)
        accepted = kept.margins(merged.examples.me) >= kept.alpha
        if not anyway and 2 * int(np.sum(accepted)) <= len(accepted):
            raise UsageError(
                f"the photos of {other} do not look like {name}; to merge them all the same, "
                "repeat with --anyway (anyway=True)"
            )
        # Of the eyes, only the measures of the first are stored: each belongs to one example.
        notes = tuple(replace(note, has_eyes=False) for note in merged.examples.notes)
        added = replace(merged.examples, notes=notes)
        owner = kept.relearn(parts.base, kept.examples + added)
        edit.put(owner.to_template())
        edit.delete(other)
        edit.remove(QUARANTINE, other)
        admin.gate.forget(edit, other)
        note_former_name(edit, other, name)
        admin.gate.note(edit, Event.MERGE, name, f"with {other}")
    return owner


def list_examples(parts: Parts, name: str) -> list[Example]:
    """Return what is known of each example of a person; see `FaceID.examples`."""
    return list(parts.enrolled.find_owner(checked_name(name)).examples.notes)


def list_looks(parts: Parts, name: str) -> dict[str, int]:
    """Return the looks of a person with the number of their examples; see `FaceID.looks`."""
    looks = [note.look for note in list_examples(parts, name) if note.look]
    return {look: looks.count(look) for look in sorted(set(looks))}


def remove_examples(parts: Parts, name: str, numbers: Any) -> list[str]:
    """Remove the examples of these numbers, all or none; see `FaceID.remove_example`."""
    given: list[Any] = list(numbers) if isinstance(numbers, Iterable) else [None]
    if any(type(number) is not int for number in given):  # True would be taken for 1
        raise UsageError("the number of an example is a whole number")
    wanted = set(given)

    def choose(owner: Owner) -> tuple[set[int], str]:
        found = {note.number for note in owner.examples.notes}
        if missing := sorted(wanted - found):
            raise UsageError(
                f"{owner.name} has no example {show_argument(missing[0])}; "
                f"`onlyme examples {owner.name}` lists those that are stored"
            )
        return wanted, ", ".join(f"example {number}" for number in sorted(wanted))

    if not wanted:
        raise UsageError("give the number of an example")
    return _remove(parts, name, choose)


def remove_look(parts: Parts, name: str, look: str) -> list[str]:
    """Remove all examples of a look; see `FaceID.remove_look`."""
    look = checked_name(look)

    def choose(owner: Owner) -> tuple[set[int], str]:
        found = {note.number for note in owner.examples.notes if note.look == look}
        if not found:
            looks = sorted({note.look for note in owner.examples.notes if note.look})
            known = f"stored: {', '.join(looks)}" if looks else "none is stored"
            raise UsageError(f"{owner.name} has no look called {look!r}; {known}")
        return found, f"look {look}, {len(found)} of {len(owner.examples.notes)} examples"

    return _remove(parts, name, choose)


def _remove(parts: Parts, name: str, choose: Callable[[Owner], tuple[set[int], str]]) -> list[str]:
    """Learn again without the chosen examples, in one transaction; then erase their remnants.

    Args:
        parts: the parts of the FaceID.
        name: the owner.
        choose: returns the numbers of the examples to remove, and words for the log.
    """
    name, admin = checked_name(name), parts.admin
    with admin.store.edit() as edit:
        template = edit.get(name)
        if template is None:
            raise admin.make_missing(name, _FORGET_FIRST)
        owner = Owner.from_template(parts.base, template)
        numbers, words = choose(owner)
        if len(numbers) == len(owner.examples.notes):
            raise UsageError(
                f"nothing would be left to know {name} by; to erase the person, run "
                f"`onlyme forget {name}`, and to start again, `onlyme enroll {name} --replace`"
            )
        edit.put(owner.remove_examples(parts.base, numbers).to_template())
        empty_quarantine(edit, name)
        admin.gate.note(edit, Event.REMOVE, name, words)
        has_backups = any(True for _ in edit.keys(BACKUP))
    notes = admin.store.scrub()
    if has_backups:
        notes.append(
            f"backups that were made before still hold what was removed of {name}; make a new "
            "backup, and delete them"
        )
    return notes


def name_unknown(
    parts: Parts,
    group_id: str,
    name: str,
    *,
    visits: int | None = None,
    add: bool = False,
    anyway: bool = False,
) -> int:
    """Enroll the person of a group in the gallery, and erase the group; see `FaceID`.

    Returns:
        How many embeddings were enrolled.
    """
    name = checked_name(name)
    (group,) = choose_groups(list_unknown(parts), [group_id])
    if visits not in {None, len(group.visits)}:  # the id is that of the oldest: none was replaced
        raise NoSuchGroup(
            f"the visits of group {group.id} are {len(group.visits)} now, not {visits}; "
            "look at it again"
        )
    if any(visit.model != parts.base.model for visit in group.visits):
        raise NeedsReenroll(f"another network saw group {group.id}; it can only be erased")
    vectors = _choose_vectors([visit.vectors for visit in group.visits])
    if parts.admin.store.version(name) is not None:
        raise OwnerExists(
            f"{name} is an owner in the vault, and visits are enrolled in the gallery only; choose "
            "another name"
        )
    if not add:
        refuse_taken(name, taken=parts.enrolled.get(name) is not None)
    if not anyway:
        refuse_same_person(parts.enrolled, name, vectors, to_gallery=True)
    parts.enrolled.add_to_gallery(name, vectors, add=add)
    with parts.admin.store.edit() as edit:
        count = f"{len(group.visits)} visit{'s' * (len(group.visits) > 1)}"
        parts.admin.gate.note(edit, Event.ENROLL, name, f"gallery: named, from {count}")
    erase_visits(parts, group.visits)
    return len(vectors)


def _choose_vectors(visits: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the embeddings to enroll: of each visit in turn, until they are enough."""
    most = max(map(len, visits))
    chosen = [one[turn] for turn in range(most) for one in visits if turn < len(one)]
    return np.array(chosen[:_MAX_EXAMPLES], np.float32)
