"""What an owner may be called."""

from __future__ import annotations

import unicodedata

from onlyme.errors import OwnerExists, UsageError

__all__ = ["checked_name", "nobody", "refuse_taken", "refuse_twice"]

LONGEST = 64


def checked_name(name: str) -> str:
    r"""Return the name in one canonical form.

    Names come from command lines and web pages and go to terminals, so nothing that
    moves a cursor or hides itself is let in.

    Raises:
        UsageError: it is empty, too long, or holds what cannot be printed.

    >>> checked_name("  Ada Lovelace ")
    'Ada Lovelace'
    >>> checked_name("a\x1b[2Jb")
    Traceback (most recent call last):
    onlyme.errors.UsageError: a name has 1 to 64 printable characters
    """
    if isinstance(name, str):
        canonical = unicodedata.normalize("NFC", name).strip()
        if 0 < len(canonical) <= LONGEST and canonical.isprintable():
            return canonical
    raise UsageError(f"a name has 1 to {LONGEST} printable characters")


def nobody(name: str, names: list[str]) -> str:
    """Say that nobody of that name is enrolled, and who is."""
    enrolled = ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
    return f"nobody called {name!r} is enrolled; enrolled: {enrolled or 'nobody yet'}"


def refuse_taken(name: str, taken: bool) -> None:  # noqa: FBT001 - it reads as a question
    """Refuse a name that is taken.

    Raises:
        OwnerExists: it is.
    """
    if taken:
        raise OwnerExists(
            f"{name} is enrolled already; add to it (--add) or start over (--replace)"
        )


def refuse_twice(name: str, elsewhere: bool) -> None:  # noqa: FBT001 - it reads as a question
    """Refuse a name that somebody has whom another command enrolls.

    Raises:
        OwnerExists: somebody has.
    """
    if elsewhere:
        raise OwnerExists(
            f"{name} is in the gallery; change people there with enroll-folder, or forget {name} "
            "first"
        )
