"""Turn errors into `application/problem+json` answers (RFC 9457), one type per onlyme error."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from onlyme import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "KINDS",
    "STATUS",
    "ProblemError",
    "convert_error",
    "convert_status",
    "list_kinds",
    "make_response",
]

PREFIX = "urn:onlyme:problem:"

STATUS: dict[type[errors.OnlymeError], int] = {
    errors.OnlymeError: 500,
    errors.UsageError: 400,
    errors.NoSuchGroup: 404,
    errors.SettingsError: 500,
    errors.ImageError: 422,
    errors.CameraError: 503,
    errors.ModelError: 500,
    errors.ModelMissing: 500,
    errors.ModelRefused: 500,
    errors.EnrollmentError: 422,
    errors.OwnerExists: 409,
    errors.SamePerson: 409,
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
"""The HTTP status of each error; a test checks that none is missing."""

KINDS: dict[str, tuple[int, str]] = {
    "bad-parameter": (
        400,
        "A parameter is missing, there twice, or has a value that it cannot have.",
    ),
    "unknown-parameter": (400, "The address has no such parameter."),
    "bad-path": (400, "The path is not UTF-8."),
    "two-lengths": (400, "The request has both Content-Length and Transfer-Encoding."),
    "bad-multipart": (400, "The body is not a form of pictures."),
    "bad-json": (400, "The body is not a JSON document of pictures."),
    "no-face": (400, "The picture shows no face (only in the API of CompreFace)."),
    "cut-off": (400, "The connection ended before the body did."),
    "no-token": (401, "There is no valid token, and no session of a browser."),
    "link-used": (401, "The link to the page was used, or is too old."),
    "scope": (403, "The token is not for that."),
    "foreign-origin": (403, "The page of another site sent the request."),
    "not-found": (404, "There is no such address."),
    "method-not-allowed": (405, "The address has no such method; `Allow` names those it has."),
    "too-slow": (408, "The body took too long to arrive."),
    "no-such-visit": (404, "No unknown visit of this number is kept."),
    "needs-yes": (409, "To enroll an unknown person needs `yes=true`."),
    "looks-like-owner": (409, "The face is accepted as the person now; `yes=true` teaches it."),
    "too-large": (413, "The body is too large."),
    "too-many-pixels": (413, "The photos have too many pixels, or too many cannot be read."),
    "unsupported-media-type": (415, "The body is none of the kinds in which pictures are sent."),
    "unknown-host": (421, "The service does not know the host name that was asked for."),
    "too-often": (429, "The token asks too often; `Retry-After` says how long to wait."),
    "too-many-names": (429, "The token asked for too many names that are not enrolled."),
    "internal-server-error": (500, "The service failed; its log says why."),
    "busy": (503, "Too much waits already; try again after `Retry-After`."),
    "gone": (503, "The client closed the connection before the answer."),
    "time-is-over": (504, "The answer took too long."),
}
"""The problems of the service itself, with status and meaning; tests check that none is missing."""

_OWN_DETAILS: dict[type[errors.OnlymeError], str] = {
    # The library's message lists who is enrolled, which not every token may know.
    errors.NoSuchGroup: "no such group is kept, or others came to it; list the groups again",
    errors.UnknownOwner: "no person of that name is enrolled",
    # The library's messages name options of the command line.
    errors.OwnerExists: (
        "that name is taken; choose another, or, where an owner in the vault has it, add photos "
        "with ?add=true or replace the person with PUT; people in the gallery are changed by "
        "`onlyme enroll-folder`"
    ),
    # Whose face it is, is for tokens that may identify, and counted there.
    errors.SamePerson: (
        "the photos show a person who is enrolled under another name; a token for `admin` may "
        "enroll them all the same with ?anyway=true"
    ),
    errors.NeedsReenroll: "another network made what is stored; enroll the person again with PUT",
}
_INTERNAL_DETAIL = "the service cannot do that now; its log says why"
"""The detail of errors whose own message may name files of the machine."""


class ProblemError(Exception):
    """A request is refused; carries the problem document that answers it.

    Attributes:
        status: HTTP status of the answer.
        kind: a stable word for programs; the last part of the problem's `type`.
        detail: a sentence for people that says what to do.
        headers: further headers of the answer.
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
        """The problem document of RFC 9457."""
        return {
            "type": PREFIX + self.kind,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }


def convert_error(error: errors.OnlymeError) -> ProblemError:
    """Return the problem for an error; an error missing in the table counts as its base class."""
    kind = next(kind for kind in type(error).__mro__ if kind in STATUS)
    status = STATUS[kind]
    detail = _INTERNAL_DETAIL if status >= 500 else _OWN_DETAILS.get(kind, str(error))
    retry = {"Retry-After": "1"} if status == 503 else {}
    return ProblemError(status, make_slug(kind.__name__), detail, retry)


def convert_status(status: int, detail: str | None = None) -> ProblemError:
    """Return the problem for a plain HTTP status."""
    phrase = HTTPStatus(status).phrase
    return ProblemError(status, make_slug(phrase), detail or phrase)


def list_kinds(status: int) -> list[str]:
    """Return the kinds of problems that have a status, those of the service itself first."""
    own = [kind for kind, (each, _) in KINDS.items() if each == status]
    return own + [make_slug(error.__name__) for error, each in STATUS.items() if each == status]


def make_response(problem: ProblemError, more: Mapping[str, Any] | None = None) -> Response:
    """Return a problem as an HTTP response, with further fields if there are any."""
    return Response(
        json.dumps({**problem.document, **(more or {})}, ensure_ascii=False),
        problem.status,
        {"Cache-Control": "no-store", **problem.headers},
        media_type="application/problem+json",
    )


def make_slug(text: str) -> str:
    """Return a name or phrase in the form that a problem's type uses.

    >>> make_slug("UnknownOwner"), make_slug("Not Found")
    ('unknown-owner', 'not-found')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+", "-", text).lower()
