"""`daemon`: what answers the computer's login."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

__all__ = ["register"]


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
