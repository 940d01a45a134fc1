"""Send a request to the REST service, and read its answer."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from onlyme.errors import UsageError

__all__ = ["Picture", "Pictures", "RefusedError", "Transport"]

Picture: TypeAlias = "bytes | str | os.PathLike[str]"
"""A picture: its file's bytes, or the path of the file."""

Pictures: TypeAlias = "Picture | Sequence[Picture]"
"""One picture, or several in a list."""

_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}
_SECONDS: Final = 150.0
"""Longer than the service takes for any request."""


class RefusedError(Exception):
    """The service refused a request, or failed.

    Attributes:
        status: the HTTP status.
        kind: a stable word for programs; the end of the problem's `type`.
        detail: a sentence for people.
        retry_after: seconds to wait before another try; None where it does not say so.
    """

    def __init__(self, status: int, kind: str, detail: str, retry_after: int | None = None) -> None:
        super().__init__(f"{status} {kind}: {detail}")
        self.status, self.kind, self.detail, self.retry_after = status, kind, detail, retry_after


class Transport:
    """Asks one service. Each request has a connection of its own, so that threads may share it.

    Neither redirections nor the environment's proxies are followed: both would take the token and
    the faces to another place.

    Args:
        url: of the service, such as `http://127.0.0.1:8000`.
        token: made by `onlyme serve token create`.
        seconds: the longest time without an answer.

    Raises:
        UsageError: the address is none, or would send token and faces unencrypted to another
            machine.
    """

    def __init__(self, url: str, token: str, *, seconds: float = _SECONDS) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
            raise UsageError("the address of a service is like http://127.0.0.1:8000")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise UsageError(
                "http:// would send token and faces unencrypted to another machine; use https://"
            )
        self._is_encrypted = parts.scheme == "https"
        self._host, self._seconds, self._token = parts.netloc.rpartition("@")[2], seconds, token

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        pictures: Mapping[str, Pictures | None] | None = None,
    ) -> Any:
        """Return the answer: a JSON document, a picture as bytes, or else a text.

        Args:
            method: of HTTP.
            path: with its parts encoded.
            query: parameters; those that are None are left out.
            pictures: by field; those that are None are left out.

        Raises:
            RefusedError: the service refused the request, or failed.
            OSError: the service cannot be reached.
        """
        sent = {key: _write(value) for key, value in (query or {}).items() if value is not None}
        target = path + (f"?{urlencode(sent)}" if sent else "")
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        body = None
        if pictures is not None:
            headers["Content-Type"] = "application/json"
            body = _encode(pictures)
        make = HTTPSConnection if self._is_encrypted else HTTPConnection
        connection = make(self._host, timeout=self._seconds)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        kind = answer.headers.get_content_type()
        if not 200 <= answer.status < 300:
            raise _make_refusal(answer.status, content, answer.headers.get("Retry-After"))
        if kind.startswith("image/"):
            return content
        return json.loads(content) if kind == "application/json" else content.decode()


def encode_part(value: object) -> str:
    """Return a value as one part of a path; `.` and `..` alone would be taken out of it."""
    text = str(value)
    return "%20" + text if text in {".", ".."} else quote(text, safe="")


def _write(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encode(pictures: Mapping[str, Pictures | None]) -> bytes:
    document = {field: _list(each) for field, each in pictures.items() if each is not None}
    encoded = {
        field: [b64encode(_read(one)).decode() for one in each] for field, each in document.items()
    }
    return json.dumps(encoded).encode()


def _list(pictures: Pictures) -> list[Picture]:
    if isinstance(pictures, (bytes, str, os.PathLike)):
        return [pictures]
    return list(pictures)


def _read(picture: Picture) -> bytes:
    return picture if isinstance(picture, bytes) else Path(picture).read_bytes()


def _make_refusal(status: int, content: bytes, retry_after: str | None) -> RefusedError:
    try:
        problem = json.loads(content)
        kind, detail = str(problem["type"]).rpartition(":")[2], str(problem["detail"])
    except (ValueError, KeyError, TypeError):  # a proxy's own page, for one
        kind, detail = "unknown", "the answer is not one of onlyme"
    seconds = int(retry_after) if retry_after and retry_after.isdecimal() else None
    return RefusedError(status, kind, detail, seconds)
