"""Make a text harmless to show: a command is chosen by a user or program that may be hostile.

It may hold anything: sequences that draw on the terminal, line breaks, characters that are written
from right to left, spaces that fill a line and put the rest where the next line begins.
"""

from __future__ import annotations

import unicodedata

__all__ = ["fit_text", "make_harmless"]

_RIGHT_TO_LEFT = {"R", "AL", "AN"}
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def make_harmless(text: str) -> str:
    """Replace each character that could draw, overlay others, turn the line around or be an arrow.

    Several spaces become one, so that no text can fill a line to begin the next one.
    """
    safe = "".join(character if _is_harmless(character) else _REPLACEMENT for character in text)
    return " ".join(safe.split())


def fit_text(text: str, columns: int) -> str:
    """Cut a harmless text off where it would not fit into one line of some columns."""
    widths = [2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text]
    if sum(widths) <= columns:
        return text
    used = count = 0
    for width in widths:
        if used + width > columns - 1:
            break
        used, count = used + width, count + 1
    return text[:count] + "…"


def _is_harmless(character: str) -> bool:
    if not character.isprintable():
        return False
    if character.isascii():
        return True
    # A mark is drawn over the character before it, or over the line above; an arrow is a symbol.
    is_plain = unicodedata.category(character)[0] in "LNP"
    return is_plain and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT
