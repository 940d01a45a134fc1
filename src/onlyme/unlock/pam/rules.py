"""Our lines in a PAM file: how they are written, found again and taken out.

Each carries its mark at its end, so that whatever an upgrade does around them, they and
nothing else are found; `sed -i '/# onlyme unlock$/d'` would do as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from onlyme.errors import PamError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MARK", "PamLines", "find_lines", "insert_lines", "remove_lines"]

MARK: Final = "# onlyme unlock"

AUTH_CONTROL: Final = "[success=done default=ignore]"
"""A clear yes ends the service's auth rules, unless one before has refused. Anything else, be
it *no*, a crash, or a program that is not there, is as if the line did not stand there."""

ACCOUNT_CONTROL: Final = "[default=ignore]"
"""Whatever the program answers, success as well, leaves the account rules' own answer as it
is. (`optional` would not: its success would be the answer where no other rule gives one.)"""

_UNFIT: Final = re.compile(r"[\s\[\]\\#]|[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class PamLines:
    """What stands in a PAM file for us.

    Attributes:
        command: the program that pam_exec(8) starts and its arguments, by absolute paths.

    Raises:
        PamError: a path holds what cannot stand in a PAM file.
    """

    command: tuple[str, ...]

    def __post_init__(self) -> None:
        for word in self.command:
            if _UNFIT.search(word):
                raise PamError(f"{word!r} cannot stand in a PAM file; install onlyme elsewhere")

    @property
    def auth(self) -> str:
        """The line that asks for the face."""
        # `seteuid`: a program such as su starts it for another user, and root must ask for that.
        words = " ".join(self.command)
        return f"auth\t{AUTH_CONTROL}\tpam_exec.so quiet stdout seteuid {words} {MARK}"

    @property
    def account(self) -> str:
        """The line that says that whoever it is got in, which a password does as well."""
        words = " ".join(self.command)
        return f"account\t{ACCOUNT_CONTROL}\tpam_exec.so quiet seteuid {words} {MARK}"


def find_lines(text: str) -> list[str]:
    """Find our lines in a file."""
    return [line for line in text.split("\n") if _is_ours(line)]


def remove_lines(text: str) -> str:
    r"""Take our lines out, and nothing else.

    >>> remove_lines(f"a\nauth x {MARK}\nb")
    'a\nb'
    """
    return "\n".join(line for line in text.split("\n") if not _is_ours(line))


def insert_lines(text: str, lines: Mapping[int, str]) -> str:
    r"""Put lines before those with the given numbers, counted from 0.

    >>> insert_lines("a\nb\n", {1: "x"})
    'a\nx\nb\n'
    """
    rows = text.split("\n")
    for number in sorted(lines, reverse=True):
        rows.insert(number, lines[number])
    return "\n".join(rows)


def _is_ours(line: str) -> bool:
    return line.rstrip(" \t").endswith(MARK)
