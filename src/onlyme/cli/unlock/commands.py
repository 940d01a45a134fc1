"""`unlock`: the computer's login, and who may open it."""

from __future__ import annotations

import typer

from onlyme.cli.unlock import owner, pam, units

__all__ = ["app"]

app = typer.Typer(
    name="unlock", no_args_is_help=True, help="Let your face open sudo, the login, the lock screen."
)
pam.register(app)
owner.register(app)
units.register(app)
