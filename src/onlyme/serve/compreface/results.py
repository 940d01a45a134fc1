"""Tell decisions in the form that CompreFace's clients read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Query

from onlyme.errors import UsageError
from onlyme.serve.problems import ProblemError

if TYPE_CHECKING:
    from onlyme.types import Decision, Face

__all__ = [
    "Limit",
    "MinProbability",
    "Plugins",
    "Status",
    "describe_box",
    "list_likenesses",
    "make_no_face",
    "measure_similarity",
    "read_plugins",
]

MinProbability = Annotated[
    float,
    Query(description="Faces that are less certain are left out.", ge=0, le=1),
]
"""The parameter `det_prob_threshold`."""

Limit = Annotated[
    int, Query(description="The most faces, the largest first; 0 for all.", ge=0, le=1000)
]
"""The parameter `limit`."""

Plugins = Annotated[
    str,
    Query(
        description="What else to tell of each face: `landmarks`. CompreFace's other plugins "
        "are known, but tell nothing.",
        max_length=200,
    ),
]
"""The parameter `face_plugins`."""

Status = Annotated[bool, Query(description="Also tell the versions of plugins.")]
"""The parameter `status`."""

_PLUGINS: Final = {"age", "calculator", "detector", "gender", "landmarks", "mask", "pose"}
_STEEPNESS: Final = 20.0
"""A face whose margin is 0.1 above alpha has a similarity of 0.88; one at alpha, of 0.5."""


def read_plugins(text: str) -> set[str]:
    """Return the plugins that are asked for.

    Raises:
        UsageError: CompreFace has no such plugin.
    """
    plugins = {each.strip() for each in text.split(",")} - {""}
    if not plugins <= _PLUGINS:
        raise UsageError(f"face_plugins are {', '.join(sorted(_PLUGINS))}")
    return plugins


def measure_similarity(margin: float, alpha: float) -> float:
    """Return how far a margin is above alpha as a number from 0 to 1; 0.5 is alpha.

    >>> [round(measure_similarity(margin, 0.2), 2) for margin in (-1.5, 0.1, 0.2, 0.3, 2.0)]
    [0.0, 0.12, 0.5, 0.88, 1.0]
    """
    return 1 / (1 + math.exp(-_STEEPNESS * (margin - alpha)))


def list_likenesses(decision: Decision, count: int, *, scores: bool) -> list[dict[str, Any]]:
    """Return the subjects whom a face is like.

    Args:
        decision: on who it is, with candidates if scores may be seen.
        count: how many subjects at most.
        scores: whether the caller may see how near the face came, and to whom. Without that, an
            accepted face has its subject with 1, and any other has none.
    """
    if not scores:
        accepted = [{"subject": decision.name, "similarity": 1.0}] if decision.accepted else []
        return accepted[:count]
    told = []
    for one in decision.candidates or ():
        similarity = measure_similarity(one.margin, one.alpha)
        if one.reached and not (decision.accepted and one.name == decision.name):
            similarity = 0.0  # something else refused it; clients open by this number
        told.append({"subject": one.name, "similarity": round(similarity, 5)})
    return sorted(told, key=lambda each: -float(str(each["similarity"])))[:count]


def describe_box(face: Face, plugins: set[str]) -> dict[str, Any]:
    """Return where a face is."""
    left, top, width, height = (float(value) for value in face.box)
    box = {
        "probability": round(float(face.score), 5),
        "x_max": round(left + width),
        "y_max": round(top + height),
        "x_min": round(left),
        "y_min": round(top),
    }
    told: dict[str, Any] = {"box": box}
    if "landmarks" in plugins:
        told["landmarks"] = [[round(float(v)) for v in point] for point in face.landmarks]
    return told


def make_no_face() -> ProblemError:
    """Return the problem for a picture without faces."""
    return ProblemError(400, "no-face", "No face is found in the given image")
