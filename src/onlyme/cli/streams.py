"""Prepare standard output and input for any locale, and for what cannot be written in it."""

from __future__ import annotations

import codecs
import os
import re
import sys
from contextlib import suppress
from typing import Final

__all__ = ["escape_json", "prepare_streams"]

_ERRORS: Final = "onlyme"
_SIGNS: Final = {
    **dict(zip("✓✗–—−×↑↓•·“”‘’▁▂▃▄▅▆▇█", "+x---x^v*.\"\"''__..::##", strict=True)),
    **dict(zip("…±≥≤→←", ("...", "+/-", ">=", "<=", "->", "<-"), strict=True)),
    "\N{NO-BREAK SPACE}": " ",
}
"""The signs that messages use, in letters that every encoding has."""


def prepare_streams() -> None:
    """Let standard output and error replace what their encoding lacks.

    Under ISO-8859-1 or GBK a check mark would otherwise end a command with an error after it has
    changed something. Standard input keeps bytes that are no text, so that a wrong passphrase is
    a wrong passphrase.
    """
    _open_closed()
    codecs.register_error(_ERRORS, _replace)
    for stream in (sys.stdout, sys.stderr):
        _set_errors(stream, _ERRORS)
    _set_errors(sys.stdin, "surrogateescape")


def escape_json(text: str) -> str:
    r"""Return a JSON text that means the same, and that standard output can take unchanged.

    Where the output is not in Unicode, letters that JSON can escape are escaped: a replaced letter
    would be another name.
    """
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        from json import dumps

        return re.sub(r"[^\x00-\x7f]", lambda sign: dumps(sign[0])[1:-1], text)
    return text


def _open_closed() -> None:
    """Let nothing stand for a standard stream that was closed (`>&-`).

    Otherwise its number goes to the next file that is opened, such as the vault, and what a
    library prints would be written into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        with suppress(OSError):  # the number is taken only once it is free
            os.fstat(number)
            continue
        os.open(os.devnull, os.O_RDWR)  # the lowest free number: those below are open by now
        mode = "r" if name == "stdin" else "w"
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - it stays open to the end


def _set_errors(stream: object, errors: str) -> None:
    reconfigure = getattr(stream, "reconfigure", None)  # None: closed, or a test's own stream
    if reconfigure is not None:
        reconfigure(errors=errors)


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for the characters that cannot be encoded; see `codecs.register_error`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_SIGNS.get(sign, "?") for sign in lost), error.end
