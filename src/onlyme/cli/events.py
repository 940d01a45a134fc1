"""Run `events`: show and export what happened at the doors."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_person

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onlyme.events.event import DoorEvent

__all__ = ["register"]

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def register(app: typer.Typer) -> None:
    """Add this family's command."""
    app.command()(events)


def parse_moment(text: str | None) -> datetime | None:
    """Read a moment: `7d`, `12h`, `30m` ago, or a date and time in UTC.

    Raises:
        BadParameter: it is neither.

    >>> parse_moment("2026-11-30T08:00").isoformat()
    '2026-11-30T08:00:00+00:00'
    """
    if text is None:
        return None
    if ago := re.fullmatch(r"(\d{1,5})([mhd])", text):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no moment; write 7d, 12h or 2026-11-30T08:00 (UTC)"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def events(
    *,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="The first moment: 7d, 12h, or 2026-11-30T08:00 in UTC.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="The last moment.", show_default=False)
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only of this person.",
            show_default=False,
            autocompletion=complete_person,
        ),
    ] = None,
    attendance: Annotated[
        bool,
        typer.Option("--attendance", help="One row for each person and day: first, last, visits."),
    ] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print a table with one row an event.")
    ] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Print one JSON document a line and event.")
    ] = False,
    webhook_key: Annotated[
        bool,
        typer.Option("--webhook-key", help="Print the key that signs webhooks, and nothing else."),
    ] = False,
    vault: options.Vault = None,
) -> None:
    """Show what happened at the doors that `watch --everybody` watched, the oldest first.

    onlyme events --since 7d --csv > week.csv
    onlyme events --attendance --since 2026-11-01 --csv
    """
    from onlyme.faceid.events import open_events, read_webhook_key
    from onlyme.settings import Settings

    if csv and jsonl:
        raise typer.BadParameter("give --csv or --jsonl, not both")
    first, last = parse_moment(since), parse_moment(until)
    with options.open_vault(vault) as admin:
        if webhook_key:
            typer.echo(read_webhook_key(admin.store).hex())
            return
        with open_events(Settings.load(vault=vault), admin.store) as stored:
            stored.purge()
            found = stored.read(first, last, person)
            if attendance:
                _print_attendance(found, csv=csv, jsonl=jsonl)
            else:
                _print_events(found, csv=csv, jsonl=jsonl)


def _print_events(found: Iterable[DoorEvent], *, csv: bool, jsonl: bool) -> None:
    from dataclasses import fields

    from onlyme.events.event import DoorEvent

    if csv or jsonl:
        columns = [one.name for one in fields(DoorEvent)]
        rows = (event.to_document() | {"names": " or ".join(event.names)} for event in found)
        _print_rows(rows if csv else (event.to_document() for event in found), columns, csv=csv)
        return
    for event in found:
        who = event.name or " or ".join(event.names)
        stayed = f"after {event.seconds:.1f} s" if event.event == "left" else ""
        words = (f"{event.at:%Y-%m-%d %H:%M:%S}Z", event.camera, event.event, who, stayed)
        typer.echo("  ".join(word for word in words if word))


def _print_attendance(found: Iterable[DoorEvent], *, csv: bool, jsonl: bool) -> None:
    from onlyme.events.attendance import COLUMNS, sum_attendance

    rows = [row.to_row() for row in sum_attendance(found)]
    if csv or jsonl:
        _print_rows(rows, list(COLUMNS), csv=csv)
        return
    for row in rows:
        visits = output.format_count(row["visits"], "visit")
        typer.echo(f"{row['day']}  {row['name']}  {row['first']} to {row['last']}  {visits}")


def _print_rows(rows: Iterable[dict[str, object]], columns: list[str], *, csv: bool) -> None:
    from csv import DictWriter

    from onlyme.faceid.serialize import defuse_formulas

    if not csv:
        for row in rows:
            output.print_json(row, indent=None)
        return
    writer = DictWriter(sys.stdout, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow(defuse_formulas(row))
