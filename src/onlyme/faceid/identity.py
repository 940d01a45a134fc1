"""Keep one person under one name: notice the same face, rename, and merge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import SamePerson, UsageError, refuse_taken, unknown_owner
from onlyme.gate.audit import Event
from onlyme.siamese.owner import Owner
from onlyme.types import checked_name
from onlyme.vault.admin import QUARANTINE, note_former_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.faceid.wiring import Parts

__all__ = ["merge_people", "refuse_same_person", "rename_person"]


def refuse_same_person(parts: Parts, name: str, vectors: NDArray[np.float32]) -> None:
    """Refuse to enroll a person who is enrolled under another name.

    A search would name no person afterwards, since two names would fit each of their pictures.

    Args:
        parts: the parts of the FaceID.
        name: the new name.
        vectors: float32[m, d], the embeddings of the new photos.

    Raises:
        SamePerson: more than half of the photos show one other enrolled person.
    """
    names = parts.enrolled.find_names(vectors)
    for other in sorted(set(names) - {name}):
        if 2 * names.count(other) > len(vectors):
            raise SamePerson(
                f"these photos show {other}, who is enrolled already; to add them there, use the "
                f"name {other} with --add (add=True); to have one person under two names, repeat "
                "with --anyway (anyway=True)"
            )


def rename_person(parts: Parts, name: str, new_name: str) -> None:
    """Give a person another name; see `FaceID.rename`."""
    old, new, store = checked_name(name), checked_name(new_name), parts.admin.store
    if old == new:
        raise UsageError(f"the person is called {old} already")
    person = parts.enrolled.get(old)
    refuse_taken(new, taken=parts.enrolled.get(new) is not None)
    with store.edit() as edit:
        refuse_taken(new, taken=edit.get(new) is not None)
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
    if template is None and person is not None:
        # The new row first: if this is interrupted, the person has two names, and is not lost.
        parts.enrolled.ensure_gallery().put([replace(person, name=new, record=b"")])
        parts.enrolled.forget([old])


def merge_people(parts: Parts, name: str, other: str, *, anyway: bool = False) -> Owner:
    """Add the examples of another owner to one, and forget the other; see `FaceID.merge`."""
    name, other, admin = checked_name(name), checked_name(other), parts.admin
    if name == other:
        raise UsageError("give two names")
    with admin.store.edit() as edit:
        templates = {each: edit.get(each) for each in (name, other)}
        for each, template in templates.items():
            if template is None:
                raise unknown_owner(each, admin.store.names())
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
