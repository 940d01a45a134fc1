"""Run `enroll-folder`: enroll many people at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onlyme.cli import options, output
from onlyme.cli.lines import say
from onlyme.cli.progress import show_progress

if TYPE_CHECKING:
    from onlyme.faceid.bulk import BulkEnrollment

__all__ = ["register"]

_MAX_PRINTED_LINES = 20
"""The most lines of each list that are printed; the file and JSON have all."""

Folder = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="A folder with one folder for each person, named like the person.",
        show_default=False,
    ),
]
Add = Annotated[
    bool, typer.Option("--add", help="Add new photos of people who are in the gallery.")
]
Replace = Annotated[
    bool,
    typer.Option(
        "--replace",
        help="Learn people again whose photos have changed, or whom an earlier version enrolled.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=256,
        help="Number of processes that examine photos; by default one for each core.",
        show_default=False,
    ),
]
Twins = Annotated[
    bool,
    typer.Option("--twins/--no-twins", help="Look for people enrolled twice, under two names."),
]
Report = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write the full report to a file, as JSON.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command(name="enroll-folder")(enroll_folder)


def enroll_folder(
    folder: Folder,
    *,
    add: Add = False,
    replace: Replace = False,
    workers: Workers = None,
    twins: Twins = True,
    flat: Annotated[
        bool,
        typer.Option("--flat", help="DIR holds one photo for each person, named like the person."),
    ] = False,
    subfolders: Annotated[
        bool,
        typer.Option(
            "--subfolders", help="Take photos in the folders inside a person's folder as well."
        ),
    ] = False,
    scheduler: options.Scheduler = None,
    certificates: options.Certificates = None,
    report: Report = None,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Enroll many people into the gallery, where `identify` finds them.

    After an interruption run it again: it continues, and does not change people who are done.

    onlyme enroll-folder people/
    onlyme enroll-folder people/ --add --report report.json
    """
    with (
        options.open_face_id(vault, embedder, make=True) as face_id,
        show_progress() as progress,
    ):
        result = face_id.enroll_folder(
            folder,
            add=add,
            replace_photos=replace,
            workers=workers,
            look_for_duplicates=twins,
            flat=flat,
            subfolders=subfolders,
            scheduler=scheduler,
            certificates=certificates,
            progress=progress,
        )
    document = _make_document(result)
    if report is not None:
        from onlyme.faceid.serialize import dump_json
        from onlyme.storage.files import write_output

        write_output(report, f"{dump_json(document)}\n".encode())
    if json:
        output.print_json(document)
    else:
        _print_report(result)


def _make_document(result: BulkEnrollment) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(result) | {
        "refused": [refusal._asdict() for refusal in result.refused],
        "twins": [pair._asdict() for pair in result.twins],
    }


def _print_report(result: BulkEnrollment) -> None:
    people = output.format_count(result.enrolled, "person is", "people are")
    photos = output.format_count(result.photos, "photo")
    say(
        f"{people} new in the gallery, {result.changed:,} changed, "
        f"{result.unchanged:,} unchanged; {photos} taken",
        bold=True,
    )
    rate = result.looked_at / max(result.seconds, 1e-9)
    say(
        f"{output.format_count(result.looked_at, 'photo')} examined in {result.seconds:,.0f} s "
        f"({rate:.0f} a second) by "
        f"{output.format_count(result.workers, 'process', 'processes')}"
    )
    if result.one_network:
        people = output.format_count(result.one_network, "person was", "people were")
        say(
            f"{people} enrolled by an earlier version, without the second look; run this again "
            "with --replace, and they are found more often"
        )
    _print_list(
        "not taken", [f"{'/'.join(filter(None, one[:2]))}: {one.why}" for one in result.refused]
    )
    _print_list(
        "perhaps enrolled twice",
        [f"{one.name} and {one.other} ({_format_rarity(one.far)})" for one in result.twins],
    )


def _print_list(title: str, lines: list[str]) -> None:
    if not lines:
        return
    say(f"{title}: {len(lines):,}", bold=True)
    for line in lines[:_MAX_PRINTED_LINES]:
        say(f"  {line}")
    if len(lines) > _MAX_PRINTED_LINES:
        say(f"  … and {len(lines) - _MAX_PRINTED_LINES:,} more (--report FILE has all)")


def _format_rarity(far: float) -> str:
    return f"as similar as one in {1 / far:,.0f} pairs of strangers"
