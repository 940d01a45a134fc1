"""Hold the options and the messages that commands of the lab share."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli.lines import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "Cache",
    "Models",
    "PeopleDir",
    "Replace",
    "Resume",
    "Seed",
    "is_terminal",
    "tell_how_to_go_on",
    "tell_ignored",
]

Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same result.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in the folder.")]
PeopleDir = Annotated[
    Path, typer.Argument(metavar="DIR", help="A folder with one folder for each person.")
]
Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Keep the aligned faces in this folder, and read each photo once. They are then "
        "mapped from there, and need not fit into memory.",
        show_default=False,
    ),
]

Replace = Annotated[bool, typer.Option("--replace", help="Replace a network of that name.")]
Models = Annotated[
    Path | None,
    typer.Option("--models", metavar="DIR", help="Folder of networks; by default the user's own."),
]


@contextmanager
def tell_how_to_go_on(out: Path, command: str) -> Iterator[None]:
    """Say after Ctrl-C what is kept, and how to continue."""
    try:
        yield
    except KeyboardInterrupt:
        say(
            f"Stopped. The checkpoint is in {out}; continue with: {command} … --out {out} --resume"
            if (out / "last.ckpt").exists()
            else "Stopped before the first step; nothing is kept. Run the same command again",
            err=True,
        )
        raise


def tell_ignored(context: typer.Context, options: Iterable[str], what: str) -> None:
    """Say which of the options that were given on the command line do nothing."""
    for option in sorted(options):
        if (source := context.get_parameter_source(option)) and source.name == "COMMANDLINE":
            say(f"note: {what} does not use --{option.replace('_', '-')}", err=True)


def is_terminal() -> bool:
    """Whether a person sees stderr, and wants a progress bar."""
    return sys.stderr.isatty()
