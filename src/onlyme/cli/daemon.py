"""`daemon`: what answers the computer's login; `unlock units`: what starts it."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register", "units"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(daemon)


def daemon() -> None:
    """Answer the computer's login until a signal says to stop. Needs root; systemd starts it.

    Its settings are those of `/etc/onlyme/config.toml`, its vault is `/var/lib/onlyme`.
    """
    from onlyme.errors import UsageError

    if not all(map(find_spec, ("starlette", "uvicorn"))):
        raise UsageError("the daemon needs `pip install 'onlyme[unlock]'`")
    # It stays for weeks, and the command line would stay with it: so another program takes
    # this one's place, without it, and with one heap for all threads.
    program = [sys.executable, "-m", "onlyme.unlock"]
    os.execve(sys.executable, program, os.environ | {"MALLOC_ARENA_MAX": "1"})  # noqa: S606


def units(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Such as /etc/systemd/system.", show_default=False)
    ],
) -> None:
    """Write the units with which systemd starts the daemon.

    onlyme unlock units /etc/systemd/system
    """
    from onlyme.unlock.units import NAMES, unit

    # The command that runs now; a link to it may be moved, what it leads to less likely.
    command = Path(sys.argv[0]).absolute()
    if not command.is_file() or command.name != "onlyme":
        command = Path(sys.executable).with_name("onlyme")
    for name in NAMES:
        (folder / name).write_text(unit(name, command), "utf-8")
        typer.echo(f"{folder / name}")
