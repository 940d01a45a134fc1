"""For the documentation: doctests in docstrings are shown as code (see mkdocs.yml)."""

from __future__ import annotations

import re
from typing import Any

import griffe

__all__ = ["Doctests"]

# From a prompt to the next empty line.
_BLOCK = re.compile(r"^(?P<margin> *)>>> .*\n?(?:^(?! *$).*\n?)*", re.MULTILINE)
_DIRECTIVE = re.compile(r"\s*# doctest: .*$", re.MULTILINE)


class Doctests(griffe.Extension):
    """Puts a fence around every doctest: without it a list in its output is taken for a link."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of one object before it is parsed."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """Return a docstring with its doctests as fenced code."""

    def fence(found: re.Match[str]) -> str:
        code = _DIRECTIVE.sub("", found.group()).rstrip("\n")
        margin = found["margin"]
        return f"{margin}```pycon\n{code}\n{margin}```\n"

    return _BLOCK.sub(fence, text)
