"""The command `onlyme` and its families."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from onlyme.cli import (
    cameras,
    doctor,
    enroll,
    enroll_folder,
    evaluate,
    gallery,
    liveness,
    serve,
    tune,
    vault,
    verify,
)
from onlyme.cli.lab import commands as lab
from onlyme.cli.output import drop_output
from onlyme.cli.unlock import commands as unlock
from onlyme.cli.unlock import daemon

__all__ = ["app"]


class _Group(TyperGroup):
    """The commands. What cannot be said because the reader has left is *could not decide*."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; Typer itself would answer a closed pipe with 1, which is *rejected*."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            drop_output()
            raise SystemExit(2) from None


app = typer.Typer(
    name="onlyme",
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 accepted or done, 1 rejected, 2 could not decide or wrong use.",
)


def _print_version(*, wanted: bool) -> None:
    if wanted:
        import onlyme

        typer.echo(f"onlyme {onlyme.__version__}")
        raise typer.Exit


@app.callback()
def onlyme(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda wanted: _print_version(wanted=wanted),
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Face ID for your own computer and your own software.

    Show it a few photos of you, and from then on it knows you and nobody else:

        onlyme enroll ada photos-of-ada/

        onlyme verify ada somebody.jpg
    """


for family in (
    *(enroll, enroll_folder, verify, tune, evaluate, liveness, vault, serve, doctor),
    *(cameras, daemon),
):
    family.register(app)
app.add_typer(gallery.app)
app.add_typer(lab.app)
app.add_typer(unlock.app)
