"""Find the owners whose own open eyes are not known, to tell each of them once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from onlyme.errors import OnlymeError
from onlyme.vault.admin import TOLD_EYES

if TYPE_CHECKING:
    from onlyme.faceid.face_id import FaceID

__all__ = ["collect_untold"]


def collect_untold(face_id: FaceID) -> list[str]:
    """Return the owners whose open eyes were not learned, and who were not told so before.

    Attention measures them by the population until they enroll before a camera. The vault
    remembers that they were told; one that cannot be written tells them again.
    """
    store = face_id.admin.store
    told = set(store.keys(TOLD_EYES))
    names = [name for name in store.names() if name not in told and not _knows_eyes(face_id, name)]
    if names:
        with suppress(OnlymeError, OSError), store.edit() as edit:
            for name in names:
                edit.write(TOLD_EYES, name, b"told")
    return names


def _knows_eyes(face_id: FaceID, name: str) -> bool:
    try:
        return face_id.owner(name).knows_eyes
    except OnlymeError:  # what else is wrong with it is said where it is used
        return True
