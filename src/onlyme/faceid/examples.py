"""List the stored examples and looks of a person, and remove some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.errors import UsageError, unknown_owner
from onlyme.faceid.adaptation import empty_quarantine
from onlyme.gate.audit import Event
from onlyme.siamese.owner import Owner
from onlyme.types import Example, checked_name
from onlyme.vault.admin import BACKUP

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from onlyme.faceid.wiring import Parts

__all__ = ["list_examples", "list_looks", "remove_examples", "remove_look"]


def list_examples(parts: Parts, name: str) -> list[Example]:
    """Return what is known of each example of a person; see `FaceID.examples`."""
    return list(parts.enrolled.find_owner(checked_name(name)).examples.notes)


def list_looks(parts: Parts, name: str) -> dict[str, int]:
    """Return the looks of a person with the number of their examples; see `FaceID.looks`."""
    looks = [note.look for note in list_examples(parts, name) if note.look]
    return {look: looks.count(look) for look in sorted(set(looks))}


def remove_examples(parts: Parts, name: str, numbers: Collection[int]) -> list[str]:
    """Remove the examples of these numbers, all or none; see `FaceID.remove_example`."""
    wanted = set(numbers)

    def choose(owner: Owner) -> tuple[set[int], str]:
        found = {note.number for note in owner.examples.notes}
        if any(type(number) is not int for number in wanted):  # True would be taken for 1
            raise UsageError("the number of an example is a whole number")
        if missing := sorted(wanted - found):
            raise UsageError(
                f"{owner.name} has no example {missing[0]}; "
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
    if parts.enrolled.get(name) is not None:
        raise UsageError(
            f"{name} is in the gallery, where examples cannot be removed one by one; run "
            f"`onlyme forget {name}`, then enroll the other photos with `onlyme enroll-folder`"
        )
    with admin.store.edit() as edit:
        template = edit.get(name)
        if template is None:
            raise unknown_owner(name, admin.store.names())
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
