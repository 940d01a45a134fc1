"""Refuse to teach a person's own face as that of another."""

from __future__ import annotations

from typing import Any

from onlyme.faceid.own_face import describe_own_face
from onlyme.serve.problems import ProblemError

__all__ = ["refuse_own_face"]


def refuse_own_face(compared: dict[str, Any]) -> None:
    """Refuse to teach a face that is accepted as this person now: it may be the person's own.

    Args:
        compared: see `onlyme.faceid.own_face.compare_with_own_photos`.

    Raises:
        ProblemError: it is accepted (409).
    """
    if doubt := describe_own_face(compared):
        raise ProblemError(
            409,
            "looks-like-owner",
            f"{doubt} Nothing was changed; to teach it all the same, set yes=true",
        )
