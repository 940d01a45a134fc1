"""Run `daemon`: answer the computer's login."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(daemon)


def daemon() -> None:
    """Answer the computer's login until a signal ends it. Needs root; systemd starts it.

    Its settings are in `/etc/onlyme/config.toml`, its vault is `/var/lib/onlyme`.
    """
    from onlyme.cli.extras import require_extra
    from onlyme.storage.system import require_linux

    require_linux("the daemon of the computer's login")
    require_extra("unlock", "the daemon")
    # The daemon runs for weeks, and the modules of the command line would stay in its memory. So
    # another program replaces this one, without them, and with one heap for all threads. With -P
    # it looks for no module in the folder in which root happens to be.
    program = [sys.executable, "-P", "-m", "onlyme.unlock"]
    environment = os.environ | {"MALLOC_ARENA_MAX": "1"}
    os.execve(sys.executable, program, environment)  # noqa: S606 - no shell is wanted here
