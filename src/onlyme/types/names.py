"""Check and canonicalise the names of people."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["checked_name", "find_similar_name"]

MAX_NAME_CHARACTERS = 64

_JOINERS = "\u200c\u200d"
_DIRECTIONS = frozenset(
    map(chr, (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)
_UNSEEN = re.compile(
    f"[{_JOINERS}\\s\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164"
    "\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]+"
)
"""Signs that are printable, but show nothing: joiners, spaces, fillers, choices of a variant."""
_SPACES = re.compile(r"[^\S\n\r\t\v\f\x1c-\x1f\x85\u2028\u2029]+")
"""Spaces of all scripts. What ends a line is no space of a name."""


def checked_name(name: str) -> str:
    r"""Return the name of a person in its one canonical form.

    It is in NFC, without spaces at either end; full-width and other spaces become one plain space.
    Names come from command lines and web pages, and are printed on terminals. So a name with a
    character that moves the cursor or cannot be seen is refused. Joiners are such characters, but
    Persian, Sinhala and families of emoji need them: between two letters they may stand.

    Raises:
        UsageError: it is empty, too long, or has a character that cannot be printed.

    >>> checked_name("  Ada Lovelace "), checked_name("\u5c71\u7530\u3000\u592a\u90ce")
    ('Ada Lovelace', '山田 太郎')
    >>> checked_name("a\x1b[2Jb")
    Traceback (most recent call last):
    onlyme.UsageError: a name has 1 to 64 printable characters, and this one has U+001B
    """
    rule = f"a name has 1 to {MAX_NAME_CHARACTERS} printable characters"
    if not isinstance(name, str):
        raise UsageError(rule)
    canonical = _SPACES.sub(_replace_spaces, unicodedata.normalize("NFC", name)).strip()
    if not canonical:
        raise UsageError(f"{rule}, and this one is empty")
    if len(canonical) > MAX_NAME_CHARACTERS:
        raise UsageError(f"{rule}, and this one has {len(canonical):,}")
    for at, sign in enumerate(canonical):
        if sign in _DIRECTIONS:
            raise UsageError(
                f"{rule}, and this one has U+{ord(sign):04X}, which turns the direction of the "
                "text: it would be shown as another name"
            )
        if not sign.isprintable() and not (sign in _JOINERS and _joins(canonical, at)):
            raise UsageError(f"{rule}, and this one has U+{ord(sign):04X}")
    return canonical


def find_similar_name(name: str, names: Iterable[str]) -> str | None:
    """Return a name that people would take for this one: it differs in case, or hardly visibly.

    >>> find_similar_name("Ada", ["bob", "ada"]), find_similar_name("Ada", ["Ada", "Adam"])
    ('ada', None)
    """
    wanted = _fold(name)
    return next((one for one in names if one != name and _fold(one) == wanted), None)


def _replace_spaces(spaces: re.Match[str]) -> str:
    """Return one space for a run of spaces; plain ones stay as they are, as in names stored."""
    return spaces[0] if spaces[0].isascii() else " "


def _joins(text: str, at: int) -> bool:
    """Say whether the joiner at this place stands between two letters, marks or emoji."""
    return 0 < at < len(text) - 1 and all(
        unicodedata.category(sign)[0] in "LM" or unicodedata.category(sign) in {"So", "Sk"}
        for sign in (text[at - 1], text[at + 1])
    )


def _fold(name: str) -> str:
    """Return a form that is the same for names that look alike."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", plain))
