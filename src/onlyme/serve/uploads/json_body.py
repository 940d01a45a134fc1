"""Read a JSON body that holds pictures in base64, such as `{"frame": "/9j/4AAQ…"}`.

The format is small, so what does not belong to it is refused before it is parsed: a few megabytes
of brackets or digits would otherwise become gigabytes of objects.
"""

from __future__ import annotations

import json
import re
from binascii import Error, a2b_base64
from typing import Any, Never

from onlyme.serve.problems import ProblemError
from onlyme.serve.uploads.multipart import MAX_PARTS

__all__ = ["read_json"]

_WIDE_LETTER = re.compile(rb"\\u(?!00[0-7])")
"""An escape that base64 does not need. One such letter makes the whole text four times as large."""


def read_json(body: bytes, fields: tuple[str, ...]) -> dict[str, list[bytes]]:
    """Return the pictures of a JSON body by field.

    Args:
        body: an object; each of its values is one picture in base64, or a list of them.
        fields: the fields that are allowed.

    Raises:
        ProblemError: the body is anything else (400).
    """
    document = _parse(body)
    if not isinstance(document, dict):
        raise _make_problem("it is no object")
    unknown = set(document) - set(fields)
    if unknown:
        raise _make_problem(f"only these fields are allowed: {', '.join(fields)}")
    return {field: list(map(_decode, _list(value))) for field, value in document.items()}


def _parse(body: bytes) -> Any:
    # In base64 stands none of these, so together they limit the number and depth of all values.
    values = sum(body.count(sign) for sign in (b",", b"[", b"{"))
    if values > 2 * MAX_PARTS:
        raise _make_problem(f"it has more than {MAX_PARTS} pictures, or other values")
    if _WIDE_LETTER.search(body):
        raise _make_problem("it has letters that base64 does not have")
    try:
        return json.loads(
            body.decode("ascii"),
            object_pairs_hook=_refuse_twice,
            parse_int=_refuse_number,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except (ValueError, RecursionError):  # without its own message, which may repeat the body
        raise _make_problem("it is not JSON in ASCII") from None


def _list(value: object) -> list[object]:
    pictures = value if isinstance(value, list) else [value]
    if len(pictures) > MAX_PARTS:
        raise _make_problem(f"a field has more than {MAX_PARTS} pictures")
    return pictures


def _decode(picture: object) -> bytes:
    if not isinstance(picture, str):
        raise _make_problem("each value is a text in base64, or a list of such texts")
    try:
        return a2b_base64(picture, strict_mode=True)
    except (Error, ValueError):
        raise _make_problem(
            "a picture is not in base64 (RFC 4648, with `+`, `/` and padding, without line breaks "
            "and without `data:`)"
        ) from None


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise _make_problem("a field is there twice")
    return document


def _refuse_number(_: str) -> Never:
    raise _make_problem("it has a number, where only texts belong")


def _make_problem(why: str) -> ProblemError:
    return ProblemError(400, "bad-json", f"the body is not a JSON document of pictures: {why}")
