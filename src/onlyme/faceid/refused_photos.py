"""Remember which people of a folder gave no usable photo, so that they are not looked at again.

People who are enrolled remember their photos themselves. Of the others nothing is stored but,
sealed in the vault, a hash of all their photos with the reasons: no name and nothing of a face. The
hash changes with each photo, with the networks and with the version of onlyme, and then the photos
are looked at again.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onlyme import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from onlyme.vault.transaction import VaultTransaction

__all__ = ["REFUSED_PHOTOS", "RefusedPerson", "hash_photos", "read_refused", "write_refused"]

MAX_PEOPLE: Final = 20_000
"""The most people that are remembered; the ones refused first are forgotten first."""

REFUSED_PHOTOS: Final = "refused photos"
"""Kind of the record in the vault; there is one, with an empty key."""


class RefusedPerson(NamedTuple):
    """Why no photo of a person was taken.

    Attributes:
        why: the reason for the person as a whole.
        notes: the reason for each photo, by the hash of the file.
    """

    why: str
    notes: dict[str, str]


def hash_photos(digests: Iterable[str], fingerprint: str) -> str:
    """Return a hash of a person's photos and of all that decides about them.

    >>> hash_photos(["b", "a"], "net") == hash_photos(["a", "b"], "net")
    True
    >>> hash_photos(["a"], "net") == hash_photos(["a"], "another net")
    False
    """
    return sha256("\n".join((__version__, fingerprint, *sorted(digests))).encode()).hexdigest()


def read_refused(body: bytes | None) -> dict[str, RefusedPerson]:
    """Return the people that a record holds, by the hash of their photos."""
    found: dict[str, Any] = json.loads(body) if body else {}
    return {key: RefusedPerson(why, notes) for key, (why, notes) in found.items()}


def write_refused(edit: VaultTransaction, seen: Mapping[str, RefusedPerson]) -> None:
    """Add the people who were refused in this run, also for the second time."""
    old = read_refused(edit.read(REFUSED_PHOTOS, ""))
    kept = {key: value for key, value in old.items() if key not in seen} | dict(seen)
    newest = dict(list(kept.items())[-MAX_PEOPLE:])
    if newest != old:
        edit.write(REFUSED_PHOTOS, "", json.dumps(newest).encode())
