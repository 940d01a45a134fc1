"""Read a PAM file's rules, and list a service's rules in the order in which PAM applies them.

Files are read as Linux-PAM reads them (pam.conf(5), `pam_handlers.c`), with Debian's `@include`.
Where versions of PAM differ, or a file is broken, nothing is guessed: `PamError` names the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from onlyme.errors import PamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["KINDS", "Rule", "StackRule", "flatten_rules", "list_includes", "parse_rules"]

KINDS: Final = ("auth", "account", "password", "session")
_INCLUDES: Final = ("include", "substack")
_TOKEN: Final = re.compile(r"\[(?:[^\]\\]|\\.)*\]|[^ \t]+")
_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # not tab, not line feed
_MAX_RULE_BYTES: Final = 1000  # older versions of PAM read 1,024 bytes of a rule
_MAX_INCLUDE_DEPTH: Final = 16
_MAX_SHOWN_CHARACTERS: Final = 40  # of a wrong word, in a message


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a PAM file.

    Attributes:
        kind: `auth`, `account`, `password` or `session`; empty for `@include`, which brings
            rules of every kind.
        control: what PAM does with the module's answer, such as `required` or `[success=1
            default=ignore]`; `include`, `substack` or `@include` if it names a file.
        module: the module, or the file that is included.
        arguments: arguments of the module.
        start: number of its first line, counted from 0.
        end: number of the line after its last; a rule may have several lines.
    """

    kind: str
    control: str
    module: str
    arguments: tuple[str, ...]
    start: int
    end: int

    @property
    def file(self) -> str | None:
        """The file that it includes; None if it includes none."""
        return self.module if self.control in ("@include", *_INCLUDES) else None

    @property
    def name(self) -> str:
        """The module's name without its folder and ending: `pam_unix`."""
        return self.module.rpartition("/")[2].removesuffix(".so")


@dataclass(frozen=True, slots=True)
class StackRule:
    """One rule of a service, from its own file or an included one.

    Attributes:
        rule: the rule; a `substack` rule only marks where that begins.
        level: how many substacks it is in.
        file: the file that holds it.
        by: the rule of the service's own file that brought it: itself, or an include.
    """

    rule: Rule
    level: int
    file: str
    by: Rule

    @property
    def runs(self) -> bool:
        """Whether this rule calls a module."""
        return self.rule.control != "substack"

    def __str__(self) -> str:
        """Name the module and its place.

        >>> rule = Rule("auth", "required", "pam_unix.so", (), 3, 4)
        >>> str(StackRule(rule, 0, "sudo", rule))
        'pam_unix (sudo, line 4)'
        """
        return f"{self.rule.name} ({self.file}, line {self.rule.start + 1})"


def parse_rules(text: str, name: str) -> list[Rule]:
    r"""Read the rules of one file.

    Args:
        text: the text of the file.
        name: the file's name in messages.

    Raises:
        PamError: a line is not a rule, or versions of PAM read it differently.

    >>> text = "auth [success=1 default=ignore] pam_unix.so nullok # the password"
    >>> rule = parse_rules(text, "x")[0]
    >>> rule.control, rule.name, rule.arguments
    ('[success=1 default=ignore]', 'pam_unix', ('nullok',))
    >>> parse_rules("auth required \\\n pam_unix.so\n@include other\n", "x")[1].file
    'other'
    """
    return [_parse_rule(words, start, end, name) for words, start, end in _join_lines(text, name)]


def flatten_rules(read: Callable[[str], str], service: str, kind: str) -> list[StackRule]:
    """List a service's rules of one kind in the order in which PAM applies them.

    Args:
        read: returns the text of a file by its name; raises PamError if there is none.
        service: the service, which is also the name of its file.
        kind: one of `KINDS`.

    Returns:
        Its rules, with those of included files in their places. If there is none, PAM uses
        the rules of the service `other`, which are not listed here.

    Raises:
        PamError: one of the files is missing or not understood.
    """
    return list(_walk(read, service, kind, 0, 0, None))


def list_includes(text: str, name: str) -> set[str]:
    """Return the names of the files that a file includes.

    Raises:
        PamError: the file is not understood.
    """
    return {rule.file for rule in parse_rules(text, name) if rule.file is not None}


def _walk(
    read: Callable[[str], str], name: str, kind: str, level: int, depth: int, by: Rule | None
) -> Iterator[StackRule]:
    if depth >= _MAX_INCLUDE_DEPTH:
        raise PamError(
            f"{name} is included through more than {_MAX_INCLUDE_DEPTH} files; "
            "perhaps it includes itself"
        )
    for rule in parse_rules(read(name), name):
        if rule.kind not in ("", kind):
            continue
        top = by or rule
        if rule.file is None:
            yield StackRule(rule, level, name, top)
            continue
        below = rule.control == "substack"
        if below:
            yield StackRule(rule, level, name, top)
        yield from _walk(read, rule.file, kind, level + below, depth + 1, top)


def _join_lines(text: str, name: str) -> Iterator[tuple[str, int, int]]:
    """Join lines that a backslash continues; leave out comments and empty lines."""
    begun, start = "", 0
    for number, line in enumerate(text.split("\n")):
        if found := _CONTROL_CHARACTER.search(line):
            raise PamError(f"{name}, line {number + 1} holds {found.group()!r}")
        words, hash_sign, _ = line.partition("#")
        words = words.strip(" \t")
        if begun and not words:
            raise PamError(
                f"{name}, line {number + 1} interrupts a rule that a backslash continues"
            )
        if hash_sign and line.rstrip(" \t").endswith("\\"):
            raise PamError(f"{name}, line {number + 1} is a comment that ends with a backslash")
        start = start if begun else number
        begun += words
        if begun.endswith("\\"):
            begun = begun[:-1].rstrip(" \t") + " "
            continue
        if begun:
            if len(begun.encode("utf-8", "surrogateescape")) > _MAX_RULE_BYTES:
                raise PamError(f"{name}, line {start + 1} is longer than PAM reads")
            yield begun, start, number + 1
        begun = ""
    if begun:
        raise PamError(f"{name} ends with a backslash")


def _parse_rule(words: str, start: int, end: int, name: str) -> Rule:
    kind, *rest = _TOKEN.findall(words)
    kind = kind.lower()
    if kind == "@include":
        if len(rest) != 1:
            raise PamError(f"{name}, line {start + 1}: `@include` needs exactly one file name")
        return Rule("", kind, rest[0], (), start, end)
    kind = kind.removeprefix("-")  # with a dash, PAM does not log a missing module
    if kind not in KINDS:
        word = f"{kind:.{_MAX_SHOWN_CHARACTERS}}"
        raise PamError(f"{name}, line {start + 1}: {word} is none of {', '.join(KINDS)}")
    if len(rest) < 2:
        raise PamError(f"{name}, line {start + 1} names no module")
    control = rest[0] if rest[0].startswith("[") else rest[0].lower()
    return Rule(kind, control, rest[1], tuple(rest[2:]), start, end)
