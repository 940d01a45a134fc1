"""Check and canonicalise the names of people."""

from __future__ import annotations

import unicodedata

from onlyme.errors import UsageError

__all__ = ["checked_name"]

MAX_NAME_CHARACTERS = 64


def checked_name(name: str) -> str:
    r"""Return the name of a person in its one canonical form (NFC, no space at either end).

    Names come from command lines and web pages, and are printed on terminals. So a name with a
    character that moves the cursor or cannot be seen is refused.

    Raises:
        UsageError: it is empty, too long, or has a character that cannot be printed.

    >>> checked_name("  Ada Lovelace ")
    'Ada Lovelace'
    >>> checked_name("a\x1b[2Jb")
    Traceback (most recent call last):
    onlyme.UsageError: a name has 1 to 64 printable characters
    """
    if isinstance(name, str):
        canonical = unicodedata.normalize("NFC", name).strip()
        if 0 < len(canonical) <= MAX_NAME_CHARACTERS and canonical.isprintable():
            return canonical
    raise UsageError(f"a name has 1 to {MAX_NAME_CHARACTERS} printable characters")
