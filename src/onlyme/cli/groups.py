"""Groups of commands that also understand `help`, and other words for the same command."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HelpfulGroup"]

_OTHER_WORDS = {
    "delete": "forget",
    "remove": "forget",
    "rm": "forget",
    "ls": "list",
    "add": "enroll",
}
"""Words that people try, with the command that is meant, in every group that has it."""

_MEANT = {
    "erase": "forget",
    "unenroll": "forget",
    "register": "enroll",
    "people": "list",
    "recognise": "identify",
    "recognize": "identify",
    "search": "identify",
    "log": "audit",
    "gallery": "store",
    "login": "unlock",
    "disenroll": "forget",
}
"""More such words. They are close enough for advice, but not to be obeyed."""

_LEAST_LIKENESS = 0.7  # of two words, from 0 to 1
_LIKENESS_SPAN = 0.1  # words that are less alike than the nearest by more than this do not count
_MAX_ADVISED = 3


class HelpfulGroup(TyperGroup):
    """A group in which `help COMMAND` is `COMMAND --help`, and `delete` is `forget`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words; `help` in front asks for help on what follows."""
        if args and args[0] == "help" and self.get_command(ctx, "help") is None:
            args = [*args[1:], "--help"]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by its name, or by another word for it."""
        found = super().get_command(ctx, cmd_name)
        if found is None and cmd_name in _OTHER_WORDS:
            found = super().get_command(ctx, _OTHER_WORDS[cmd_name])
        return found

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is meant; where there is none, advise one.

        Raises:
            UsageError: there is no such command; the message names those that may be meant.
        """
        self.suggest_commands = False  # Typer's own suggestions do not know the other words
        try:
            return super().resolve_command(ctx, args)
        except Exception as error:  # Typer hides the class of its own error
            said = getattr(error, "message", "")
            if said and (advised := self._advise(ctx, args[0])):
                words = " or ".join(f"`{command}`" for command in advised)
                setattr(error, "message", f"{said.rstrip('.')}. Did you mean {words}?")  # noqa: B010 - the class is hidden
            raise

    def _advise(self, ctx: Any, typed: str) -> list[str]:
        """Return the commands of this group that a word may mean, and else those of others."""
        typed = typed.lower().replace("_", "-")
        own = set(self.list_commands(ctx))
        meant = {**_MEANT, **_OTHER_WORDS, "help": "help"}
        words = {*own, "help", *(word for word, command in meant.items() if command in own)}
        named = {typed, meant.get(typed, typed)}
        found = [] if typed in words else _find_elsewhere(ctx.find_root(), named)
        if not found:
            near = _find_near(typed, words)
            found = [f"{_name_group(ctx)} {meant.get(word, word)}" for word in near]
        if not found:
            elsewhere = {path.split()[-1] for path in _walk(ctx.find_root().command, ctx)}
            found = _find_elsewhere(ctx.find_root(), set(_find_near(typed, elsewhere)))
        return list(dict.fromkeys(found))[:_MAX_ADVISED]


def _find_near(typed: str, words: set[str]) -> list[str]:
    """Return the words that are about as near to a typed one as the nearest is."""
    likeness = {word: SequenceMatcher(None, typed, word).ratio() for word in words}
    least = max(_LEAST_LIKENESS, max(likeness.values(), default=0) - _LIKENESS_SPAN)
    return [word for value, word in sorted((-v, w) for w, v in likeness.items()) if -value >= least]


def _name_group(ctx: Any) -> str:
    """Return the words that call a group, however the program was started."""
    return f"{_name_group(ctx.parent)} {ctx.info_name}" if ctx.parent else "onlyme"


def _find_elsewhere(root: Any, words: set[str]) -> list[str]:
    """Return the commands of all groups whose name is one of some words, as one types them."""
    return [f"onlyme {path}" for path in _walk(root.command, root) if path.split()[-1] in words]


def _walk(group: Any, ctx: Any, above: str = "") -> Iterator[str]:
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        yield f"{above}{name}"
        if hasattr(command, "list_commands"):
            yield from _walk(command, ctx, f"{above}{name} ")
