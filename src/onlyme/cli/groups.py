"""Groups of commands that also understand `help`, and other words for the same command."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

__all__ = ["HelpfulGroup"]

_OTHER_WORDS = {
    "delete": "forget",
    "remove": "forget",
    "rm": "forget",
    "ls": "list",
    "add": "enroll",
}
"""Words that people try, with the command that is meant, in every group that has it."""


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
