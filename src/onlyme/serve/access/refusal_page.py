"""Answer a refused request: with a problem document for programs, with a page for people.

A browser that opens the page without a session, or with a used link, gets a page that says what
to do next.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse

from onlyme.serve.problems import make_response

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope

    from onlyme.serve.problems import ProblemError

__all__ = ["COMPREFACE_PATH", "answer"]

COMPREFACE_PATH: Final = "/api/v1/"
"""Clients of CompreFace ask under this path: they send a key in a header of their own, and read
other fields of a refusal."""

_COMPREFACE_DETAILS: Final = {
    # Those of our own API name parameters, methods and headers that these clients do not have.
    "no-token": "send a valid token as x-api-key; `onlyme serve token create` makes one",
    "unknown-owner": "there is no such subject or face",
    "owner-exists": "there is a subject of that name",
    "same-person": "the photo shows a person who is there already, as another subject",
    "needs-reenroll": "another network learned this subject; delete it, and add it anew",
}

_STYLE: Final = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { display: grid; place-content: center; min-height: 90vh; margin: 0; padding: 24px;
       text-align: center; gap: 12px; background: #f4f6f5; color: #14201d; }
h1 { margin: 0; font-size: 1.6rem; letter-spacing: -0.02em; }
p { margin: 0; max-width: 44ch; }
code { font: 500 1rem ui-monospace, monospace; }
@media (prefers-color-scheme: dark) { body { background: #0e1312; color: #e7eeec; } }
"""

_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
    "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} – onlyme</title>
<style>{style}</style>
</head>
<body><main>
<h1>{title}</h1>
<p>{words}</p>
<p><code>{command}</code></p>
</main></body>
</html>
"""


def answer(problem: ProblemError, scope: Scope) -> Response:
    """Return the answer to a refused request, in the form that the client reads.

    Args:
        problem: why the request is refused.
        scope: the ASGI scope of the HTTP request.
    """
    if scope["path"].startswith(COMPREFACE_PATH):
        detail = _COMPREFACE_DETAILS.get(problem.kind, problem.detail)
        more = {"detail": detail, "message": detail, "code": _find_code(problem)}
        return make_response(problem, more)
    headers = Headers(scope=scope)
    is_browser = headers.get("accept", "").startswith("text/html")
    if not is_browser or problem.status != 401:
        return make_response(problem)
    return HTMLResponse(
        _PAGE.format(
            title="A link opens this page",
            words="A link works once, within five minutes. In a terminal, this prints a new one:",
            command="onlyme serve link",
            style=_STYLE,
        ),
        problem.status,
        {"Cache-Control": "no-store", "Content-Security-Policy": _POLICY, **problem.headers},
    )


def _find_code(problem: ProblemError) -> int:
    """Return the number that CompreFace has for a problem; it has few that fit."""
    return 28 if problem.kind == "no-face" else problem.status
