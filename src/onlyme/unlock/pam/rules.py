"""Write, find and remove our lines in a PAM file.

Each line ends with our mark, so that exactly these lines are found, even after an upgrade has
changed the file around them. `sed -i '/# onlyme unlock$/d'` would remove them, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from onlyme.errors import PamError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onlyme.unlock.pam.stack import Rule

__all__ = [
    "MARK",
    "PamLines",
    "find_lines",
    "insert_lines",
    "is_our_line",
    "is_our_rule",
    "is_our_session_line",
    "place_session_line",
    "remove_lines",
]

MARK: Final = "# onlyme unlock"
"""The end of each of our lines."""

AUTH_CONTROL: Final = "[success=done default=ignore]"
"""Only success ends the service's auth rules, and only if no earlier rule has refused. Anything
else, such as *no*, a crash or a missing program, has the same effect as no line at all."""

ACCOUNT_CONTROL: Final = "[default=ignore]"
"""Every answer of the program, success included, leaves the account rules' own answer as it is.
(`optional` would not: its success would be the answer where no other rule gives one.)"""

_UNFIT: Final = re.compile(r"[\s\[\]\\#]|[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class PamLines:
    """Our two lines in a PAM file.

    Attributes:
        command: the program that pam_exec(8) starts and its arguments, with absolute paths.

    Raises:
        PamError: a path holds a character that a PAM file cannot hold.
    """

    command: tuple[str, ...]

    def __post_init__(self) -> None:
        for word in self.command:
            if _UNFIT.search(word):
                raise PamError(
                    f"a PAM file cannot hold the path {word!r}; install onlyme elsewhere"
                )

    @property
    def auth(self) -> str:
        """The line that asks for the face."""
        # `seteuid`: a program such as su asks for another user, and only root may ask for them.
        words = " ".join(self.command)
        return f"auth\t{AUTH_CONTROL}\tpam_exec.so quiet stdout seteuid {words} {MARK}"

    @property
    def account(self) -> str:
        """The line that reports that the user got in, which happens with a password as well."""
        words = " ".join(self.command)
        return f"account\t{ACCOUNT_CONTROL}\tpam_exec.so quiet seteuid {words} {MARK}"


def place_session_line(text: str, command: tuple[str, ...] | None, after: int) -> str:
    """Return a text with our session line after one of its lines, or without it.

    Args:
        text: of a PAM file.
        command: the program that the line starts; None takes the line out.
        after: number of the line, counted from 0 in the text without our session line.
    """
    rows = [row for row in text.split("\n") if not is_our_session_line(row)]
    if command is not None:
        # Every answer leaves the session's own as it is: no keyring keeps anybody out.
        head = f"session\t{ACCOUNT_CONTROL}\tpam_exec.so quiet stdout seteuid type=open_session"
        rows.insert(after + 1, f"{head} {' '.join(command)} {MARK}")
    return "\n".join(rows)


def is_our_session_line(line: str) -> bool:
    """Say whether a line is ours, and is called when a session begins."""
    return is_our_line(line) and line.startswith("session")


def find_lines(text: str) -> list[str]:
    """Return our lines in a file."""
    return [line for line in text.split("\n") if is_our_line(line)]


def remove_lines(text: str, *, session: bool = True) -> str:
    r"""Return a text without our lines; nothing else changes.

    Args:
        text: of a PAM file.
        session: whether the session line, which another command placed, goes as well.

    >>> remove_lines(f"a\nauth x {MARK}\nb")
    'a\nb'
    """
    return "\n".join(
        line
        for line in text.split("\n")
        if not is_our_line(line) or (not session and is_our_session_line(line))
    )


def insert_lines(text: str, lines: Mapping[int, str]) -> str:
    r"""Insert lines before those with the given numbers, counted from 0.

    >>> insert_lines("a\nb\n", {1: "x"})
    'a\nx\nb\n'
    """
    rows = text.split("\n")
    for number in sorted(lines, reverse=True):
        rows.insert(number, lines[number])
    return "\n".join(rows)


def is_our_line(line: str) -> bool:
    """Say whether a line is one of ours."""
    return line.rstrip(" \t").endswith(MARK)


def is_our_rule(rule: Rule, text: str) -> bool:
    """Say whether a rule is one of ours.

    Args:
        rule: a rule of a file.
        text: the text of that file.
    """
    return any(map(is_our_line, text.split("\n")[rule.start : rule.end]))
