"""Share what several routes need: the service, a checked name, who may do what, JSON answers."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Path, Query
from starlette.responses import Response

from onlyme.errors import UsageError
from onlyme.faceid.serialize import dump_json, serialize_decision
from onlyme.serve.access.auth import Caller, require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.problems import ProblemError
from onlyme.serve.state import ServiceState
from onlyme.types import Decision, Reason, checked_name

__all__ = [
    "Audience",
    "Here",
    "Look",
    "Nonce",
    "Page",
    "Person",
    "answer_json",
    "check_assertion_query",
    "redact_for",
    "require_admin",
    "require_page",
    "require_scores",
]

Here = Annotated[ServiceState, Depends(ServiceState.get_from)]
"""The service, for a route that takes it."""


def _check_person(name: Annotated[str, Path(description="The person's name.")]) -> str:
    return checked_name(unquote(name))  # the guard left slashes encoded


Person = Annotated[str, Depends(_check_person)]
"""A person's name, checked, for a route with `{name}` in its path."""


Look = Annotated[
    str, Query(description="A name for what the photos of the person show, such as `glasses`.")
]
"""The look that photos show, for a route that enrolls."""


Audience = Annotated[
    str | None,
    Query(
        description="The app that wants a signed assertion; needs `nonce`.",
        pattern="^[!-~]{1,200}$",
    ),
]
"""The app that an assertion is for, for a route that can sign one."""

Nonce = Annotated[
    str | None,
    Query(
        description="A random text for this one request, 16 to 128 characters.",
        pattern="^[A-Za-z0-9._~-]{16,128}$",
    ),
]
"""The nonce that an assertion repeats."""


def check_assertion_query(audience: str | None, nonce: str | None) -> None:
    """Refuse a request for an assertion that is not complete.

    Raises:
        UsageError: only one of the two was sent.
    """
    if (audience is None) != (nonce is None):
        raise UsageError("an assertion needs an audience and a nonce")


def require_admin(caller: Caller, why: str = "changing who is enrolled") -> None:
    """Refuse a caller that is no admin: changing a person, for one, can replace them.

    Args:
        caller: who asks.
        why: what needs it, as the beginning of the sentence.

    Raises:
        ProblemError: the caller is no admin (403).
    """
    if not caller.scope.grants(Scope.ADMIN):
        raise ProblemError(403, "scope", f"{why} needs a token for admin")


def require_scores(caller: Caller, why: str) -> None:
    """Refuse a caller that may not see how near a face came to whom.

    Args:
        caller: who asks.
        why: what needs it, as the beginning of the sentence.

    Raises:
        ProblemError: the caller may not (403).
    """
    if not caller.scope.grants(Scope.SCORES):
        raise ProblemError(403, "scope", f"{why} needs a token for scores or admin")


def require_page(caller: Annotated[Caller, require_scope(Scope.ADMIN)]) -> None:
    """Refuse programs with a token: only the owner's browser may ask.

    Raises:
        ProblemError: a token identified the caller (403).
    """
    if not caller.page:
        raise ProblemError(403, "scope", "only the page may ask for this; use the command line")


# As a parameter of each route, not of its router: then the session is checked first.
Page = Annotated[None, Depends(require_page)]
"""For a route that only the page may ask."""


def answer_json(document: Any, status: int = 200) -> Response:
    """Return the same JSON document that the command line prints."""
    return Response(dump_json(document, indent=None), status, media_type="application/json")


_HIDDEN_REASONS = {
    Reason.NOT_LIVE,
    Reason.LIVENESS_UNDECIDED,
    Reason.NOT_ATTENTIVE,
    Reason.ATTENTION_UNDECIDED,
    Reason.NO_GESTURE,
    Reason.AMBIGUOUS,
    Reason.POOR_QUALITY,
}
"""Reasons of a rejection that tell an attacker whether the face itself would match.

A poor picture is given as the reason only where the face does not match. If it were shown, the same
poor picture with `no_match` would mean that the face matches and only liveness refused it."""


def redact_for(decision: Decision, caller: Caller) -> dict[str, Any]:
    """Return the part of a decision that a caller may see.

    Only admins see margin, alpha and the single checks: with them, an attacker could change a
    picture step by step until it passes.
    """
    if caller.scope.grants(Scope.ADMIN):
        return serialize_decision(decision)
    reason = Reason.NO_MATCH if decision.reason in _HIDDEN_REASONS else decision.reason
    return {"accepted": decision.accepted, "name": decision.name, "reason": reason}
