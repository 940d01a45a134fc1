"""`cameras`: which there are, by names that stay."""

from __future__ import annotations

from dataclasses import asdict

import typer

from onlyme.cli import options, output

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(cameras)


def cameras(*, json: options.Json = False) -> None:
    """List the cameras: number, name that stays, infrared or colour, kinds of pictures.

    Any of these names does after `--camera`, and in the setting `camera`.
    """
    from onlyme.image.cameras import list_cameras as found

    all_of_them = found()
    if json:
        output.print_json([asdict(camera) | {"name": camera.name} for camera in all_of_them])
        return
    if not all_of_them:
        typer.echo("no camera was found; photos and videos work without", err=True)
    for camera in all_of_them:
        kind = "infrared" if camera.infrared else "colour"
        kind += ", fed by a program" if camera.virtual else ""
        formats = " ".join(camera.formats) or "formats unknown: it may not be opened"
        card = typer.style(camera.card or "no name", bold=True)
        typer.echo(f"{camera.number:>3}  {card}  ({kind}; {camera.driver}; {formats})")
        for name in (*camera.stable, camera.path):
            typer.echo(f"     {name}")
