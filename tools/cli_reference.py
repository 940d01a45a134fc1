#!/usr/bin/env python3
"""Write docs/reference/cli.md from the commands' own help texts.

tools/cli_reference.py            write the page
tools/cli_reference.py --check    check whether the committed page is current (exit code 1: no)
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from onlyme.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).resolve().parent.parent / "docs/reference/cli.md"
HEAD = """\
<!-- Written by tools/cli_reference.py from the commands' own help texts; do not edit. -->
# Command line

`onlyme COMMAND --help` prints the same. See also [exit codes](exit-codes.md) and the
[JSON documents](json.md) that `--json` prints.
"""
# Options that every command has, and options that only concern the shell.
LEFT_OUT = {"help", "install_completion", "show_completion"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = make_page()
    if not check:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return 0
    print(f"{PAGE} is not current; run `python tools/cli_reference.py`", file=sys.stderr)
    return 1


def make_page() -> str:
    """Return the page as text."""
    sections = [format_section(words, command) for words, command in walk("onlyme", get_root())]
    return HEAD + "".join(sections)


def get_root() -> Any:
    return typer.main.get_command(app)


def walk(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield every command with the words that call it, in the order of the help."""
    children = getattr(command, "commands", {})
    if not children:
        yield words, command
        return
    if words != "onlyme":
        yield words, command
    for name, child in children.items():
        yield from walk(f"{words} {name}", child)


def format_section(words: str, command: Any) -> str:
    """Describe one command."""
    is_group = bool(getattr(command, "commands", {}))
    parts = [f"\n## {words}\n", format_docstring(words, command.help or "")]
    shown = [param for param in command.params if param.name not in LEFT_OUT]
    if not is_group:
        arguments = [format_usage(param) for param in shown if param.param_type_name == "argument"]
        parts.append(f"```text\n{' '.join([words, '[OPTIONS]', *arguments])}\n```\n")
    if shown:
        rows = "".join(f"| {format_name(param)} | {format_meaning(param)} |\n" for param in shown)
        parts.append(f"| | |\n|---|---|\n{rows}")
    return "\n".join(parts)


def format_docstring(words: str, text: str) -> str:
    """Return a docstring, with its example calls as code."""
    out: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        lines = [line.strip() for line in paragraph.splitlines()]
        if all(line.startswith(words.split()[0] + " ") for line in lines):
            out.append("```sh\n" + "\n".join(lines) + "\n```\n")
        else:
            out.append(" ".join(lines) + "\n")
    return "\n".join(out)


def format_usage(param: Any) -> str:
    word = (param.metavar or param.name).upper() + ("…" if param.nargs == -1 else "")
    return word if param.required else f"[{word}]"


def format_name(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{format_usage(param).strip('[]')}`"
    value = "" if param.is_flag else " " + (param.metavar or str(param.type.name)).upper()
    flags = [*param.opts, *param.secondary_opts]
    return ", ".join(f"`{flag}{value}`" for flag in flags)


def format_meaning(param: Any) -> str:
    """Return the help of a parameter, with its default unless that is empty."""
    said = (param.help or "").replace("|", "\\|")
    default = param.default
    if param.required or default is None or default is False or default == () or default == []:
        return said
    if callable(default):
        return said
    plain = isinstance(default, str | int | float | Path)
    return f"{said} By default `{default}`." if plain else said


if __name__ == "__main__":
    sys.exit(main())
