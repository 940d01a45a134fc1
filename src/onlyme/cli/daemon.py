"""`daemon`: what answers the computer's login."""

from __future__ import annotations

import logging
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
    from onlyme.settings import Settings

    try:
        from onlyme.unlock.server import serve
    except ImportError:
        raise UsageError("the daemon needs `pip install 'onlyme[unlock]'`") from None
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    serve(Settings.system())
