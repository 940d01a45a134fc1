"""Run `unlock units`: write the units with which systemd starts the daemon."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from onlyme.cli.lines import say
from onlyme.cli.passwords import require_root

__all__ = ["register", "write_units"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(units)


def units(
    *,
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="The folder of systemd's units.")
    ] = Path("/etc/systemd/system"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the units, but write nothing.")
    ] = False,
) -> None:
    """Write the units with which systemd starts the daemon, and say what to do next.

    sudo onlyme unlock units
    """
    from onlyme.unlock.units import NAMES, make_unit

    command = Path(sys.executable).parent / "onlyme"
    texts = {name: make_unit(name, command) for name in NAMES}
    if dry_run:
        for name, text in texts.items():
            say(f"# {to / name}", bold=True)
            typer.echo(text)
        return
    require_root("units")
    for path in write_units(to):
        say(f"✓ {path} is written")
    say(
        "next: groupadd --system --force onlyme\n"
        "      systemctl daemon-reload\n"
        "      systemctl enable --now onlyme.socket"
    )


def write_units(to: Path) -> list[Path]:
    """Write the units for this installation; return their paths.

    Raises:
        UsageError: the command `onlyme` is not where units could start it.
        PamError: other users than root could change it.
    """
    from onlyme.errors import UsageError
    from onlyme.storage.files import open_draft
    from onlyme.unlock.pam.program import check_trusted
    from onlyme.unlock.units import NAMES, make_unit

    command = Path(sys.executable).parent / "onlyme"
    texts = {name: make_unit(name, command) for name in NAMES}
    if not command.is_file():
        raise UsageError(f"{command} is not there; install onlyme as root, into /opt/onlyme")
    for part in (command, Path(sys.executable), Path(__file__).parents[2]):
        check_trusted(part)
    to.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with open_draft(to / name, mode=0o644) as file:
            os.fchmod(file.fileno(), 0o644)  # also under a strict umask
            file.write(text.encode())
    return [to / name for name in texts]
