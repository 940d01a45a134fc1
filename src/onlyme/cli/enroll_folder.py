"""`enroll-folder`: many people at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onlyme.cli import options, output
from onlyme.faceid.serialize import dump_json

if TYPE_CHECKING:
    from onlyme.faceid.bulk import BulkEnrollment

__all__ = ["register"]

_MAX_PRINTED_LINES = 20
"""Of each list in the report so many are printed; the file and JSON have all."""


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command(name="enroll-folder")(enroll_folder)


def enroll_folder(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="A folder of folders: one a person, named as the person.",
            show_default=False,
        ),
    ],
    *,
    add: Annotated[
        bool, typer.Option("--add", help="Add new photos to people who are in the gallery.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Learn people anew whose photos are others now.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=256,
            help="Processes that look at photos; by default one a core.",
            show_default=False,
        ),
    ] = None,
    twins: Annotated[
        bool,
        typer.Option("--twins/--no-twins", help="Look for people enrolled twice, under two names."),
    ] = True,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the whole report to a file, as JSON.", show_default=False
        ),
    ] = None,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Enroll a crowd into the gallery; identify finds them from then on.

    Running it again does what an interrupted run left, and leaves everybody else as they are.

    onlyme enroll-folder people/
    onlyme enroll-folder people/ --add --report report.json
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        options.open_face_id(vault, embedder, make=True) as face_id,
        Progress(*columns, console=console, disable=not console.is_terminal) as bars,
    ):
        running: dict[str, Any] = {}

        def show_progress(what: str, done: int, total: int) -> None:
            if what not in running:
                running[what] = bars.add_task(what, total=total)
            bars.update(running[what], completed=done)

        census = face_id.enroll_folder(
            folder,
            add=add,
            replace_photos=replace,
            workers=workers,
            look_for_duplicates=twins,
            progress=show_progress,
        )
    document = _make_document(census)
    if report is not None:
        report.write_text(dump_json(document) + "\n", "utf-8")
    if json:
        output.print_json(document)
    else:
        _print_report(census)


def _make_document(census: BulkEnrollment) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(census) | {
        "refused": [one._asdict() for one in census.refused],
        "twins": [one._asdict() for one in census.twins],
    }


def _print_report(census: BulkEnrollment) -> None:
    typer.secho(
        f"{census.enrolled:,} people are new in the gallery, {census.changed:,} changed, "
        f"{census.unchanged:,} stayed as they were; {census.photos:,} photos taken",
        bold=True,
    )
    rate = census.looked_at / max(census.seconds, 1e-9)
    typer.echo(
        f"{census.looked_at:,} photos looked at in {census.seconds:,.0f} s, {rate:.0f} a second, "
        f"by {census.workers} processes"
    )
    _print_list(
        "not taken", [f"{'/'.join(filter(None, one[:2]))}: {one.why}" for one in census.refused]
    )
    _print_list(
        "enrolled twice, it seems",
        [f"{one.name} and {one.other} ({_format_rarity(one.far)})" for one in census.twins],
    )


def _print_list(title: str, lines: list[str]) -> None:
    if not lines:
        return
    typer.secho(f"{title}: {len(lines):,}", bold=True)
    for line in lines[:_MAX_PRINTED_LINES]:
        typer.echo(f"  {line}")
    if len(lines) > _MAX_PRINTED_LINES:
        typer.echo(f"  … and {len(lines) - _MAX_PRINTED_LINES:,} more (--report FILE has all)")


def _format_rarity(far: float) -> str:
    return f"as near as one pair of strangers in {1 / far:,.0f}"
