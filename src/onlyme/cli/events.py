"""Run `events`: show and export what happened at the doors."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_person
from onlyme.cli.groups import HelpfulGroup
from onlyme.cli.lines import say
from onlyme.cli.passwords import confirm_change, confirm_erasing
from onlyme.storage.files import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onlyme import FaceID
    from onlyme.events.event import DoorEvent
    from onlyme.faceid.events import UnknownGroup

__all__ = ["register"]

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def register(app: typer.Typer) -> None:
    """Add this family's command."""
    family = typer.Typer(
        cls=HelpfulGroup,
        invoke_without_command=True,
        help="Show what happened at the doors, and who was there without a name.",
    )
    family.callback()(events)
    family.command()(unknown)
    app.add_typer(family, name="events")


def parse_moment(text: str | None, *, is_local: bool = False) -> datetime | None:
    """Read a moment: `7d`, `12h`, `30m` ago, or a date and time.

    Args:
        text: the moment; a time zone may stand behind it, as in `2026-11-30T08:00+09:00`.
        is_local: whether it is in this computer's time zone, if it names none; otherwise in UTC.

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
        if moment.tzinfo is None:
            moment = moment.astimezone() if is_local else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):  # such as the first day of the year 1
        raise typer.BadParameter(
            f"{text!r} is no moment; write 7d, 12h or 2026-11-30T08:00 (UTC)"
        ) from None


Since = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN",
        help="The first moment: 7d, 12h, or 2026-11-30T08:00 in UTC; with --attendance in "
        "this computer's time zone, where days begin, too.",
        show_default=False,
    ),
]
Until = Annotated[
    str | None, typer.Option(metavar="WHEN", help="The last moment.", show_default=False)
]
Person = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Only of this person.",
        show_default=False,
        autocompletion=complete_person,
    ),
]
Summed = Annotated[
    bool,
    typer.Option("--attendance", help="One row for each person and day: first, last, visits."),
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print a table with one row an event.")]
AsJsonl = Annotated[bool, typer.Option("--jsonl", help="Print one JSON document a line and event.")]
WebhookKey = Annotated[
    bool,
    typer.Option("--webhook-key", help="Print the key that signs webhooks, and nothing else."),
]


def events(
    context: typer.Context,
    *,
    since: Since = None,
    until: Until = None,
    person: Person = None,
    attendance: Summed = False,
    csv: AsCsv = False,
    jsonl: AsJsonl = False,
    webhook_key: WebhookKey = False,
    vault: options.Vault = None,
) -> None:
    """Show what happened at the doors that `watch --everybody` watched, the oldest first.

    onlyme events --since 7d --csv > week.csv
    onlyme events --attendance --since 2026-11-01 --csv
    """
    if context.invoked_subcommand:
        return
    if csv and jsonl:
        raise typer.BadParameter("give --csv or --jsonl, not both")
    first, last = (parse_moment(when, is_local=attendance) for when in (since, until))
    if webhook_key:
        _print_webhook_key(vault)
        return
    with _read_events(vault, first, last, person) as found:
        print_found = _print_attendance if attendance else _print_events
        print_found(found, csv=csv, jsonl=jsonl)


def _print_webhook_key(vault: Path | None) -> None:
    from onlyme.faceid.events import read_webhook_key

    with options.open_vault(vault) as admin:
        typer.echo(read_webhook_key(admin.store).hex())


@contextmanager
def _read_events(
    vault: Path | None, first: datetime | None, last: datetime | None, person: str | None
) -> Iterator[Iterable[DoorEvent]]:
    """Read the events of a vault; to look makes no file."""
    from onlyme.events.store import EVENTS_FILE
    from onlyme.faceid.events import open_events
    from onlyme.settings import Settings

    with options.open_vault(vault) as admin:
        settings = Settings.load(vault=vault)
        if not (settings.vault / EVENTS_FILE).exists():
            yield ()
            return
        with open_events(settings, admin.store) as stored:
            stored.purge()
            yield stored.read(first, last, person)


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
        say("  ".join(word for word in words if word))


def _print_attendance(found: Iterable[DoorEvent], *, csv: bool, jsonl: bool) -> None:
    from onlyme.events.attendance import COLUMNS, sum_attendance

    rows = [row.to_row() for row in sum_attendance(found)]
    if csv or jsonl:
        _print_rows(rows, list(COLUMNS), csv=csv)
        return
    for row in rows:
        visits = output.format_count(row["visits"], "visit")
        say(f"{row['day']}  {row['name']}  {row['first']} to {row['last']}  {visits}")


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


def unknown(
    groups: Annotated[
        list[str] | None,
        typer.Argument(metavar="GROUP", help="Groups, as the list names them.", show_default=False),
    ] = None,
    *,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Enroll the person of this group in the gallery under this name, and erase the "
            "group.",
            show_default=False,
        ),
    ] = None,
    add: Annotated[
        bool, typer.Option("--add", help="Add to the person of the gallery who has this name.")
    ] = False,
    anyway: options.Anyway = False,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="DIR",
            help="Write pictures and embeddings into this folder, where they are not encrypted.",
            show_default=False,
        ),
    ] = None,
    erase: Annotated[
        bool, typer.Option("--erase", help="Erase these groups, or all, also in backups.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before a person is enrolled or erased.")
    ] = False,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """List the unknown visits that are kept, grouped by person; name, export or erase a group.

    Nothing is kept unless the setting `unknown_days` says for how long.
    """
    from onlyme.faceid.events import choose_groups

    if sum([name is not None, export is not None, erase]) > 1:
        raise typer.BadParameter("give only one of --name, --export and --erase")
    if name is None and (add or anyway):
        raise typer.BadParameter("--add and --anyway need --name")
    with options.open_face_id(vault) as face_id:
        if name is not None:
            _enroll(face_id, groups or [], name, add=add, anyway=anyway, yes=yes, json=json)
        elif erase:
            what = f"group {', '.join(groups)}" if groups else "all unknown visits"
            confirm_erasing(f"Erase {what}?", yes=yes)
            notes = face_id.erase_unknown(groups or None)
            if json:
                output.print_json({"erased": groups or "all", "notes": notes})
            else:
                output.print_notes(notes)
        else:
            found = face_id.unknown_people()
            _list_groups(choose_groups(found, groups) if groups else found, export, json=json)


def _list_groups(groups: list[UnknownGroup], export: Path | None, *, json: bool) -> None:
    if export is not None:
        for group in groups:
            _export(group, export)
    if json:
        output.print_json([group.to_document() for group in groups])
        return
    for group in groups:
        about = group.to_document()
        visits = output.format_count(about["visits"], "visit")
        unsure = "  resembles two groups" if group.is_ambiguous else ""
        cameras = ", ".join(about["cameras"])
        say(f"{group.id}  {visits}  {about['first']} to {about['last']}  {cameras}{unsure}")
    if not groups:
        say(
            "no unknown visit is kept; the setting unknown_days says for how long they are",
            err=True,
        )


def _export(group: UnknownGroup, folder: Path) -> None:
    """Write the pictures of a group, and a document with times and embeddings."""
    from onlyme.faceid.serialize import dump_json
    from onlyme.storage.files import replace_private

    made = folder / group.id
    make_folder(made)
    visits = []
    for number, visit in enumerate(group.visits, 1):
        file = f"{number:04}.jpg"
        replace_private(made / file, visit.picture)
        about = {"camera": visit.camera, "at": visit.at, "seconds": visit.seconds}
        vectors = {"model": visit.model, "embeddings": visit.vectors.tolist()}
        visits.append({"picture": file} | about | vectors)
    document = group.to_document() | {"seen": visits}
    replace_private(made / "visits.json", f"{dump_json(document)}\n".encode())


def _enroll(
    face_id: FaceID,
    groups: list[str],
    name: str,
    *,
    add: bool,
    anyway: bool,
    yes: bool,
    json: bool,
) -> None:
    from onlyme.errors import UsageError
    from onlyme.faceid.events import choose_groups

    if len(groups) != 1:
        raise UsageError("name one group: onlyme events unknown GROUP --name NAME")
    (group,) = choose_groups(face_id.unknown_people(), groups)
    visits = output.format_count(len(group.visits), "visit")
    if not yes:
        confirm_change(
            f"Enroll the person of {visits} as {name}? They can be recognised from then on.",
            "to enroll a person needs your yes: add --yes",
        )
    seen = len(group.visits)  # the yes is for these: while the question stands, others may come
    count = face_id.name_unknown(group.id, name, visits=seen, add=add, anyway=anyway)
    if json:
        output.print_json({"name": name, "group": group.id, "embeddings": count})
    else:
        say(f"{name} is enrolled in the gallery, from {visits}; the pictures are erased")
