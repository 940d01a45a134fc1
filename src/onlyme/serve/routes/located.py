"""Describe where a face is in a picture, cut it out, and identify every face of one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from onlyme.errors import ImageError
from onlyme.face.align import align
from onlyme.face.geometry import scale_to_frame
from onlyme.face.quality import assess
from onlyme.face.subject import choose_subject
from onlyme.serve.access.tokens import Scope
from onlyme.serve.routes.shared import redact_for
from onlyme.serve.state import SOURCE
from onlyme.types import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from onlyme import FaceID
    from onlyme.face.pipeline import Observation
    from onlyme.serve.access.auth import Caller
    from onlyme.serve.uploads.pictures import Abandonment
    from onlyme.types import Decision, Face, Frame, LivenessLevel

__all__ = [
    "align_only_face",
    "align_photos",
    "describe_face",
    "identify_all_faces",
    "list_compared_faces",
    "redact_identity",
]


def describe_face(pixels: NDArray[np.uint8], face: Face) -> dict[str, Any]:
    """Return a face's place and quality as a document.

    Args:
        pixels: uint8[h, w, 3], RGB, the picture.
        face: one of its faces.
    """
    quality = assess(pixels, face.box, face.landmarks)
    return {
        "box": [round(float(value), 1) for value in face.box],
        "score": round(float(face.score), 3),
        "landmarks": [[round(float(v), 1) for v in point] for point in face.landmarks],
        "quality": asdict(quality) | {"ok": quality.ok},
    }


def list_compared_faces(seen: Observation) -> list[Face]:
    """Return the face that `verify` compares; all faces where it compares none of them."""
    return list(seen.faces) if seen.face is None else [seen.face]


def align_only_face(
    face_id: FaceID, picture: bytes
) -> tuple[tuple[float, float, float, float] | None, NDArray[np.uint8] | None]:
    """Return the box of the one face of a picture, as shares of it, and the aligned face.

    The face is uint8[112, 112, 3] RGB. Both are None without a face, or with several alike.
    """
    frame = face_id.pipeline.decode(picture)
    subject = choose_subject(face_id.pipeline.detector.detect(frame.pixels), frame.pixels.shape)
    if isinstance(subject, Reason):
        return None, None
    return scale_to_frame(subject.box, frame.pixels.shape), align(frame.pixels, subject)


def align_photos(
    face_id: FaceID, photos: Iterable[Frame | ImageError]
) -> list[tuple[str, NDArray[np.uint8] | str]]:
    """Return the name of each photo with its one face as above, or with why it has none."""
    aligned: list[tuple[str, NDArray[np.uint8] | str]] = []
    for photo in photos:
        if isinstance(photo, ImageError):
            aligned.append((photo.source, str(photo)))
            continue
        name, pixels = str(photo.source), photo.pixels
        subject = choose_subject(face_id.pipeline.detector.detect(pixels), pixels.shape)
        if isinstance(subject, Reason):
            aligned.append((name, f"{name}: shows no face, or several of similar size"))
        else:
            aligned.append((name, align(pixels, subject)))
    return aligned


def identify_all_faces(
    face_id: FaceID,
    picture: bytes,
    level: LivenessLevel,
    candidates: int,
    abandonment: Abandonment,
) -> tuple[dict[str, Any], list[Decision]]:
    """Return where the faces of a picture are as a document, and a decision on each.

    Each face is an attempt to be anybody.

    Raises:
        ImageError: the picture cannot be used, or the request is not awaited any more.
    """
    frame = face_id.pipeline.decode(picture)
    height, width = frame.pixels.shape[:2]
    faces, decisions = [], []
    found = face_id.iterate_faces(
        frame, liveness=level, gate=True, source=SOURCE, candidates=candidates
    )
    for face, decision in found:
        faces.append(describe_face(frame.pixels, face))
        decisions.append(decision)
        abandonment.check()
    return {"width": width, "height": height, "faces": faces}, decisions


def redact_identity(decision: Decision, caller: Caller) -> dict[str, Any]:
    """Return the part of a decision among all people that a caller may see."""
    document = redact_for(decision, caller)
    if caller.scope.grants(Scope.ADMIN):
        return document
    if not decision.accepted:
        document["name"] = None  # whom a face that was not let in resembles
    if decision.candidates is not None and caller.scope.grants(Scope.SCORES):
        document["candidates"] = [asdict(one) for one in decision.candidates]
    return document
