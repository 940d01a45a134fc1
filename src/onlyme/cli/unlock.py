"""`unlock`: the computer's login, and who may open it."""

from __future__ import annotations

import typer

from onlyme.cli import unlock_owner, unlock_pam, unlock_units

__all__ = ["app"]

app = typer.Typer(
    name="unlock", no_args_is_help=True, help="Let your face open sudo, the login, the lock screen."
)
unlock_pam.register(app)
unlock_owner.register(app)
unlock_units.register(app)
