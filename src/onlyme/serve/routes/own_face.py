"""Ask before a person's own face is taught as that of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onlyme.serve.problems import ProblemError

if TYPE_CHECKING:
    from onlyme.siamese.owner import Owner
    from onlyme.types import Decision

__all__ = ["compare_with_owner", "refuse_own_face"]


def compare_with_owner(owner: Owner, decision: Decision) -> dict[str, Any]:
    """Return how near a face comes to a person's own photos, as a JSON document.

    Args:
        owner: the person.
        decision: about that face, without liveness.
    """
    own = owner.margins(owner.examples.me)
    return {
        "name": owner.name,
        "accepted": decision.accepted,
        "margin": decision.margin,
        "own_lowest": round(float(own.min()), 4),
        "own_highest": round(float(own.max()), 4),
    }


def refuse_own_face(compared: dict[str, Any]) -> None:
    """Refuse to teach a face that is accepted as this person now: it may be the person's own.

    Args:
        compared: see `compare_with_owner`.

    Raises:
        ProblemError: it is accepted (409).
    """
    if not compared["accepted"]:
        return
    raise ProblemError(
        409,
        "looks-like-owner",
        "this face scores {margin:+.3f} and is accepted as {name} now; the person's own photos "
        "score {own_lowest:+.3f} to {own_highest:+.3f}. If it is the person's own face, they would "
        "be rejected more often. Nothing was changed; to teach it all the same, set "
        "yes=true".format_map(compared),
    )
