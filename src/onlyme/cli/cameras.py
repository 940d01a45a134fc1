"""Run `cameras`: list the cameras, with names that do not change."""

from __future__ import annotations

import typer

from onlyme.cli import options, output
from onlyme.cli.lines import say
from onlyme.storage.system import name_platform

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(cameras)


def cameras(*, json: options.Json = False) -> None:
    """List the cameras: number, names, infrared or colour, picture formats.

    `--camera` and the setting `camera` take any of these names. A name under `/dev/v4l` stays the
    same when cameras are plugged in another order.
    """
    from dataclasses import asdict

    from onlyme.image.cameras import list_cameras

    found = list_cameras()
    if json:
        output.print_json([asdict(camera) | {"name": camera.name} for camera in found])
        return
    if not found:
        why = "" if name_platform() == "linux" else ": cameras are read on Linux only so far"
        say(f"no camera was found{why}; photos and videos work without one", err=True)
    for camera in found:
        kind = "infrared" if camera.infrared else "colour"
        kind += ", fed by a program" if camera.virtual else ""
        formats = " ".join(camera.formats) or "formats unknown: you may not open it"
        card = typer.style(camera.card or "no name", bold=True)
        say(f"{camera.number:>3}  {card}  ({kind}; {camera.driver}; {formats})")
        for name in (*camera.stable, camera.path):
            say(f"     {name}")
