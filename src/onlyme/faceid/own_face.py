"""Compare a face with a person's own photos, before it is taught as that of another person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onlyme.errors import refuse_gallery

if TYPE_CHECKING:
    from onlyme.faceid.face_id import FaceID
    from onlyme.types import Frame, ImageLike

__all__ = ["compare_with_own_photos", "describe_own_face"]


def compare_with_own_photos(face_id: FaceID, name: str, image: ImageLike | Frame) -> dict[str, Any]:
    """Return how near a face comes to a person's own photos, as a JSON document.

    Args:
        face_id: knows the person.
        name: the person's name.
        image: shows the face; it opens nothing, so that liveness is not asked for.

    Raises:
        UnknownOwner: no person of that name is enrolled.
        UsageError: the person is in the gallery.
        ImageError: the picture cannot be used.
    """
    refuse_gallery(name, in_gallery=name not in face_id.names() and face_id.is_enrolled(name))
    owner = face_id.owner(name)
    decision = face_id.verify(name, image, "off")
    own = owner.margins(owner.examples.me)
    return {
        "name": owner.name,
        "accepted": decision.accepted,
        "margin": decision.margin,
        "own_lowest": round(float(own.min()), 4),
        "own_highest": round(float(own.max()), 4),
    }


def describe_own_face(compared: dict[str, Any]) -> str:
    """Say why a face may be the person's own; empty where it is not accepted now.

    >>> describe_own_face({"accepted": False})
    ''
    """
    if not compared["accepted"]:
        return ""
    return (
        "this face scores {margin:+.3f} and is accepted as {name} now; the person's own photos "
        "score {own_lowest:+.3f} to {own_highest:+.3f}. If it is the person's own face, they would "
        "be rejected more often."
    ).format_map(compared)
