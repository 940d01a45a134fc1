"""Change the system vault for a user who gives the login password.

A program that runs as the user must not be able to enroll another face, or to set alpha to −1.
So every change needs the user's password again. The gate counts wrong passwords as it counts
faces, so that no one can guess passwords through the daemon. Root needs no password: root may
read the key, change PAM and set the password anyway.
"""

from __future__ import annotations

import base64
import binascii
import math
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from onlyme import FaceID
from onlyme.errors import ImageError, KeyRefused, UsageError
from onlyme.faceid import wiring
from onlyme.faceid.own_face import compare_with_own_photos
from onlyme.faceid.serialize import serialize_example
from onlyme.gate.audit import AuditEntry, Event
from onlyme.gate.password import is_kept_here, is_login_password
from onlyme.types import Decision, ExampleKind, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from onlyme.settings import Settings
    from onlyme.types import Frame
    from onlyme.unlock.daemon.peer import Peer

    Document = dict[str, Any]

__all__ = ["CHANGES", "PASSWORD_SOURCE", "ChangeHandler"]

PASSWORD_SOURCE = "password"  # noqa: S105 - a name, not a password
"""What the gate calls attempts at a user's password."""

_MAX_PHOTOS = 50  # in one list of a change


class ChangeHandler:
    """Makes changes, one after the other, in its own thread.

    Args:
        settings: of the system.
        is_password: takes a password and a user, and says whether they belong together.
    """

    def __init__(
        self,
        settings: Settings,
        is_password: Callable[[str, str], bool] = is_login_password,
    ) -> None:
        self._settings = settings
        self._is_password = is_password

    def change(self, peer: Peer, what: str, user: str, document: Document) -> Document:
        """Make one change.

        Args:
            peer: who asks; the caller has checked that it may ask about this user.
            what: one of `CHANGES`.
            user: whose template changes.
            document: the details of the change, and the password.

        Raises:
            KeyRefused: the password is missing or wrong, or there were too many wrong ones.
            UsageError: the details make no sense; the system knows no such user.
            OnlymeError: the change itself failed.
        """
        if not (peer.is_root and what == "forget"):  # an account that is gone leaves its face here
            _require_user(user)
        with FaceID(wiring.assemble(self._settings, by="daemon")) as face_id:
            if not peer.is_root:
                self._check_password(face_id, user, document)
            return CHANGES[what](face_id, user, document)

    def _check_password(self, face_id: FaceID, user: str, document: Document) -> None:
        password = document.get("password")
        if not isinstance(password, str) or not password:
            raise KeyRefused("this change needs your login password")
        with face_id.admin.gate.attempt(user, PASSWORD_SOURCE) as attempt:
            if not attempt.allowed:
                wait = _format_minutes(attempt.allowance.wait)
                raise KeyRefused(f"too many wrong passwords; try again in {wait}, or as root")
            if self._is_password(password, user):
                attempt.settle(Decision(accepted=True, name=user, reason=Reason.MATCH))
                return
        # The attempt was not settled, so it stays counted.
        with face_id.admin.store.edit() as page:
            refused = AuditEntry(Event.ATTEMPT, user, PASSWORD_SOURCE, "rejected", Reason.NO_MATCH)
            face_id.admin.gate.audit.note(page, refused)
        hint = (
            ""
            if is_kept_here(user)
            else "; if a directory keeps it, it cannot be checked here: use sudo for this change"
        )
        raise KeyRefused(f"that is not your password; nothing was changed{hint}")


# ------------------------------------------------------------------------- the changes


def _enroll(face_id: FaceID, user: str, document: Document) -> Document:
    enrollment = face_id.enroll(
        user,
        _label_pictures(face_id, _read_pictures(document, "me"), document.get("kinds")),
        _read_pictures(document, "not_me"),
        look_alikes=_read_pictures(document, "look_alikes"),
        add=_read_flag(document, "add"),
        replace=_read_flag(document, "replace"),
        look=_read_text(document, "look"),
        anyway=True,  # one person may have two accounts, and no user may ask whose face is whose
    )
    return asdict(enrollment) | {"taken": enrollment.taken}


def _examples(face_id: FaceID, user: str, document: Document) -> Document:
    """List examples, or remove some."""
    numbers, look = document.get("remove"), document.get("remove_look")
    if numbers is not None and look is not None:
        raise UsageError("send remove or remove_look, not both")
    if numbers is None and look is None:
        return {"examples": [serialize_example(one) for one in face_id.examples(user)]}
    if look is not None:
        notes = face_id.remove_look(user, _read_text(document, "remove_look"))
    elif isinstance(numbers, list) and all(type(number) is int for number in numbers):
        notes = face_id.remove_examples(user, numbers)
    else:
        raise UsageError("remove must be a list of numbers")
    return {"name": user, "left": len(face_id.examples(user)), "notes": notes}


def _tune(face_id: FaceID, user: str, document: Document) -> Document:
    far, alpha = _read_number(document, "far"), _read_number(document, "alpha")
    return asdict(face_id.tune(user, far=far, alpha=alpha))


def _not_me(face_id: FaceID, user: str, document: Document) -> Document:
    if _read_flag(document, "undo"):
        return asdict(face_id.undo_not_me(user))
    pictures = _read_pictures(document, "me")
    if len(pictures) != 1:
        raise UsageError("give exactly one photo")
    if not _read_flag(document, "yes"):
        compared = compare_with_own_photos(face_id, user, pictures[0])
        if compared["accepted"]:  # nothing is changed: it may be the user's own face
            return {"looks_like_owner": compared}
    return asdict(face_id.not_me(user, pictures[0]))


def _adapt(face_id: FaceID, user: str, document: Document) -> Document:
    adaptation = face_id.make_adaptation()
    if "consent" in document:
        adaptation.set_consent(user, consent=_read_flag(document, "consent"))
    if _read_flag(document, "undo"):
        adaptation.undo(user)
    return asdict(adaptation.read_status(user))


def _revoke(face_id: FaceID, user: str, document: Document) -> Document:
    del document
    return {"revoked": user, "notes": face_id.admin.revoke(user)}


def _import(face_id: FaceID, user: str, document: Document) -> Document:
    sealed, passphrase = document.get("sealed"), document.get("passphrase")
    if not isinstance(sealed, str):
        raise UsageError("sealed must be the content of an export, in base64")
    if not isinstance(passphrase, str) or not passphrase.isprintable():
        raise UsageError("passphrase must be the passphrase of the export")
    face_id.admin.import_sealed(
        _decode_base64(sealed),
        passphrase,
        "daemon",
        name=user,
        replace_=_read_flag(document, "replace"),
        anyway=True,  # as when enrolling
    )
    return {"imported": user}


def _forget(face_id: FaceID, user: str, document: Document) -> Document:
    del document
    return {"forgotten": user, "notes": face_id.forget(user)}


def _retry(face_id: FaceID, user: str, document: Document) -> Document:
    """Let a face that is locked out try again; only here has the password really been checked."""
    del document
    face_id.admin.gate.reset(user)
    return {"reset": user}


CHANGES: dict[str, Callable[[FaceID, str, Document], Document]] = {
    "enroll": _enroll,
    "examples": _examples,
    "tune": _tune,
    "not-me": _not_me,
    "adapt": _adapt,
    "revoke": _revoke,
    "import": _import,
    "forget": _forget,
    "retry": _retry,
}
"""The changes by their names. A test asks for each of them without the password."""


def _format_minutes(seconds: float) -> str:
    minutes = max(1, math.ceil(seconds / 60))
    return f"{minutes} minute" if minutes == 1 else f"{minutes} minutes"


def _require_user(user: str) -> None:
    import pwd

    with suppress(KeyError):
        pwd.getpwnam(user)
        return
    raise UsageError(f"this computer has no user called {user!r}")


def _read_pictures(document: Document, key: str) -> list[bytes]:
    """Return photos as bytes. A path is not taken: the daemon would open it with root's rights."""
    photos = document.get(key, [])
    if not isinstance(photos, list) or len(photos) > _MAX_PHOTOS:
        raise UsageError(f"{key} must be a list of at most {_MAX_PHOTOS} photos")
    return [_decode_base64(photo) for photo in photos]


def _label_pictures(face_id: FaceID, pictures: list[bytes], kinds: object) -> Iterator[Any]:
    """Say of each picture what took it: bytes do not tell a camera's frame from a photo.

    Raises:
        UsageError: the kinds are none, or not one for each picture.
    """
    known = [kind.value for kind in ExampleKind]
    if kinds is None:
        return iter(pictures)
    if (
        not isinstance(kinds, list)
        or len(kinds) != len(pictures)
        or not all(kind in known for kind in kinds)
    ):
        raise UsageError(f"kinds must name one of {', '.join(known)} for each photo")

    def label(data: bytes, kind: ExampleKind) -> bytes | Frame | ImageError:
        if kind is ExampleKind.PHOTO:
            return data
        try:
            return replace(face_id.pipeline.decode(data), kind=kind)
        except ImageError as error:  # a report says so
            return error

    return map(label, pictures, map(ExampleKind, kinds))


def _decode_base64(text: object) -> bytes:
    try:
        if isinstance(text, str):
            return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise UsageError("photos and exports must be sent in base64")


def _read_flag(document: Document, key: str) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        raise UsageError(f"{key} must be true or false")
    return value


def _read_text(document: Document, key: str) -> str:
    value = document.get(key, "")
    if not isinstance(value, str):
        raise UsageError(f"{key} must be text")
    return value


def _read_number(document: Document, key: str) -> float | None:
    value = document.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"{key} must be a number")
    return float(value)
