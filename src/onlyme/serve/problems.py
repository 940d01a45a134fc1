"""Every refusal as `application/problem+json` (RFC 9457), one to one from onlyme's errors."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from onlyme import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["STATUS", "ProblemError", "convert_error", "convert_status", "make_response"]

PREFIX = "urn:onlyme:problem:"

STATUS: dict[type[errors.OnlymeError], int] = {
    errors.OnlymeError: 500,
    errors.UsageError: 400,
    errors.SettingsError: 500,
    errors.ImageError: 422,
    errors.CameraError: 503,
    errors.ModelError: 500,
    errors.ModelMissing: 500,
    errors.ModelRefused: 500,
    errors.EnrollmentError: 422,
    errors.OwnerExists: 409,
    errors.UnknownOwner: 404,
    errors.NeedsReenroll: 409,
    errors.NotCalibrated: 409,
    errors.PamError: 500,
    errors.VaultError: 503,
    errors.VaultBusy: 503,
    errors.VaultDamaged: 500,
    errors.KeyMissing: 500,
    errors.KeyRefused: 500,
}
"""What each error is answered with; a test holds that none is missing."""

_INSTEAD: dict[type[errors.OnlymeError], str] = {
    # The library's messages say who is enrolled, which not every token may know, ...
    errors.UnknownOwner: "nobody of that name is enrolled",
    # ... and how the command line would go on.
    errors.OwnerExists: "that name is taken; add to it with ?add=true, or replace it with PUT",
    errors.NeedsReenroll: "the template was made by another network; replace it with PUT",
}
_INSIDE = "the service cannot do that now; its own log says why"
"""What outsiders read of an error whose message may name files of the machine."""


class ProblemError(Exception):
    """A request that is not answered, and why.

    Attributes:
        status: of the answer.
        kind: a word that programs can go by; the last part of the problem's `type`.
        detail: a sentence that says what to do.
        headers: of the answer.
    """

    def __init__(
        self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})

    @property
    def document(self) -> dict[str, Any]:
        """The problem, as RFC 9457 has it."""
        return {
            "type": PREFIX + self.kind,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }


def convert_error(error: errors.OnlymeError) -> ProblemError:
    """Say as a problem what an error says; the nearest one of the table where it is newer."""
    kind = next(kind for kind in type(error).__mro__ if kind in STATUS)
    status = STATUS[kind]
    detail = _INSIDE if status >= 500 else _INSTEAD.get(kind, str(error))
    retry = {"Retry-After": "1"} if status == 503 else {}
    return ProblemError(status, make_slug(kind.__name__), detail, retry)


def convert_status(status: int, detail: str | None = None) -> ProblemError:
    """Say as a problem what a plain HTTP status says."""
    phrase = HTTPStatus(status).phrase
    return ProblemError(status, make_slug(phrase), detail or phrase)


def make_response(refused: ProblemError) -> Response:
    """Write a problem down."""
    return Response(
        json.dumps(refused.document, ensure_ascii=False),
        refused.status,
        {"Cache-Control": "no-store", **refused.headers},
        media_type="application/problem+json",
    )


def make_slug(words: str) -> str:
    """Return words as part of a problem's type.

    >>> make_slug("UnknownOwner"), make_slug("Not Found")
    ('unknown-owner', 'not-found')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+", "-", words).lower()
