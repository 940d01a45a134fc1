"""Notice a person who is enrolled under another name, in the vault or in the gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.errors import SamePerson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.faceid.enrolled import Enrolled

__all__ = ["refuse_same_person"]


def refuse_same_person(
    enrolled: Enrolled, name: str, vectors: NDArray[np.float32], *, to_gallery: bool = False
) -> None:
    """Refuse to enroll a person who is enrolled under another name.

    A search would name no person afterwards, since two names would fit each of their pictures.

    Args:
        enrolled: all enrolled people.
        name: the new name.
        vectors: float32[m, d], the embeddings of the new photos.
        to_gallery: whether the person is enrolled in the gallery, and not in the vault.

    Raises:
        SamePerson: more than half of the photos show one other enrolled person.
    """
    names = enrolled.find_names(vectors)
    for other in sorted(set(names) - {name}):
        if 2 * names.count(other) > len(vectors):
            raise SamePerson(
                f"these photos show {other}, who is enrolled already"
                f"{_advise_adding(enrolled, other, to_gallery=to_gallery)}; to have one person "
                "under two names, repeat with --anyway (anyway=True)"
            )


def _advise_adding(enrolled: Enrolled, other: str, *, to_gallery: bool) -> str:
    """Say how the photos are added to the person whom they show, where that can be done."""
    if enrolled.is_member(other) == to_gallery:
        return f"; to add them there, use the name {other} with --add (add=True)"
    if to_gallery:
        return ", as an owner in the vault, who learns from photos only (`onlyme enroll --add`)"
    return (
        f", in the gallery; to add them there, put them into a folder {other} of a folder DIR, and "
        "run `onlyme enroll-folder DIR --add`"
    )
