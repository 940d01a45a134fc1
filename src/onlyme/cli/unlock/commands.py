"""Register `unlock …`: the commands for the computer's login."""

from __future__ import annotations

import typer

from onlyme.cli.groups import HelpfulGroup
from onlyme.cli.unlock import config, key, keyring, owner, pam, preview, setup, switch, units

__all__ = ["register"]


def register(parent: typer.Typer) -> None:
    """Add this family's commands."""
    app = typer.Typer(
        cls=HelpfulGroup,
        name="unlock",
        callback=_require_linux,
        no_args_is_help=True,
        help="Let your face open the login and the lock screen.",
    )
    for family in (setup, pam, owner, switch, preview, config, key, keyring, units):
        family.register(app)
    parent.add_typer(app)


def _require_linux() -> None:
    from onlyme.storage.system import require_linux

    require_linux("unlocking a computer with PAM")
