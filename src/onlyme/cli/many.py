"""Print the answers on many photos, a line each, as JSON, JSON lines or CSV."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onlyme.cli import output
from onlyme.cli.lines import say
from onlyme.cli.progress import show_progress
from onlyme.errors import ImageError
from onlyme.image.sources import is_folder, list_photos

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.faceid.batch import Batch, BatchRow
    from onlyme.types import Frame

__all__ = [
    "Lines",
    "ManyPhotos",
    "Table",
    "print_batch",
    "read_photo",
    "read_photos",
    "refuse_input_twice",
]

Table = Annotated[bool, typer.Option("--csv", help="Print a table with one row a photo.")]
Lines = Annotated[bool, typer.Option("--jsonl", help="Print one JSON document a line and photo.")]
ManyPhotos = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PHOTO",
        help="Photos to check, folders of them, or - for standard input.",
        show_default=False,
    ),
]

MAX_INPUT_BYTES = 256 * 2**20
"""Limit of what is read from standard input; the settings' own limit is checked afterwards."""


def read_photos(paths: list[Path] | None) -> tuple[list[Any], bool]:
    """Return the photos to look at, and whether they are one photo.

    `-` stands for a photo on standard input, and may come once.
    """
    photos: list[Any] = list(paths or ())
    refuse_input_twice(photos)
    for number, path in enumerate(photos):
        try:
            photos[number] = read_photo(path)
        except ImageError as error:
            if len(photos) == 1:
                raise
            photos[number] = error  # the row of a photo that cannot be used
    if len(photos) == 1 and is_folder(photos[0]):
        return list(list_photos(photos[0])), False  # an empty folder is an error, not no photo
    return photos, len(photos) == 1


def refuse_input_twice(photos: list[Any]) -> None:
    """Refuse several photos on standard input.

    Raises:
        typer.BadParameter: there are several.
    """
    if photos.count(Path("-")) > 1:
        raise typer.BadParameter("standard input (-) can be read once", param_hint="PHOTO")


def read_photo(path: Path) -> Path | Frame:
    """Return the photo on standard input where the path is `-`; another path as it is.

    Raises:
        ImageError: standard input is a terminal, or holds no picture.
    """
    if path != Path("-"):
        return path
    name = "standard input"
    if sys.stdin.isatty():
        raise ImageError(name, "is a terminal; give a photo to it: onlyme … - < photo.jpg")
    from onlyme.faceid.networks import make_reader
    from onlyme.settings import Settings

    content = sys.stdin.buffer.read(MAX_INPUT_BYTES)
    try:
        return replace(make_reader(Settings.load()).read(content), source=name)
    except ImageError as error:
        raise ImageError(name, error.cause) from None


def print_batch(
    make: Callable[[Callable[[BatchRow], None]], Batch], *, json: bool, csv: bool, jsonl: bool
) -> None:
    """Print the rows of a batch as they come, and exit.

    The exit code is 0 if every photo was accepted, 2 if one could not be decided, otherwise 1.

    Args:
        make: makes the batch, given what is to be called with each row.
        json: print one document with all rows at the end.
        csv: print a table.
        jsonl: print a document a line.
    """
    if json + csv + jsonl > 1:
        raise typer.BadParameter("give only one of --json, --jsonl and --csv")
    rows: list[BatchRow] = []
    with show_progress() as move:

        def count(row: BatchRow) -> None:
            rows.append(row)
            move("photos", len(rows), None)

        batch = make(count)
        if csv:
            batch.write_csv(sys.stdout)
        elif jsonl:
            batch.write_jsonl(sys.stdout)
        elif json:
            output.print_json([row.to_dict() for row in batch])
        else:
            for row in batch:
                say(_format_row(row))
    if any(row.error is not None for row in rows):
        raise typer.Exit(2)
    raise typer.Exit(0 if rows and all(rows) else 1)


def _format_row(row: BatchRow) -> str:
    if row.decision is None:
        return f"{typer.style('✗', fg='red')} {row.error}"
    return f"{row.picture}  {output.format_decision(row.decision)}"
