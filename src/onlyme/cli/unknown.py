"""Run `events unknown`: show, export, name and erase who was at a door without a name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.passwords import confirm_erasing

if TYPE_CHECKING:
    from onlyme import FaceID
    from onlyme.faceid.unknown import UnknownGroup

__all__ = ["unknown"]


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
            _list(_choose(face_id.unknown_people(), groups or []), export, json=json)


def _choose(found: list[UnknownGroup], wanted: list[str]) -> list[UnknownGroup]:
    from onlyme.errors import UsageError

    if missing := set(wanted) - {group.id for group in found}:
        raise UsageError(f"there is no group {', '.join(sorted(missing))}")
    return [group for group in found if not wanted or group.id in wanted]


def _list(groups: list[UnknownGroup], export: Path | None, *, json: bool) -> None:
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
        typer.echo(f"{group.id}  {visits}  {about['first']} to {about['last']}  {cameras}{unsure}")
    if not groups:
        typer.echo(
            "no unknown visit is kept; the setting unknown_days says for how long they are",
            err=True,
        )


def _export(group: UnknownGroup, folder: Path) -> None:
    """Write the pictures of a group, and a document with times and embeddings."""
    from onlyme.faceid.serialize import dump_json
    from onlyme.storage.files import replace_private

    made = folder / group.id
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
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

    if len(groups) != 1:
        raise UsageError("name one group: onlyme events unknown GROUP --name NAME")
    (group,) = _choose(face_id.unknown_people(), groups)
    visits = output.format_count(len(group.visits), "visit")
    if not yes:
        question = f"Enroll the person of {visits} as {name}? They can be recognised from then on."
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError("to enroll a person needs your yes: add --yes")
        if not typer.confirm(question, err=True):
            raise UsageError("nothing was changed")
    count = face_id.name_unknown(group.id, name, add=add, anyway=anyway)
    if json:
        output.print_json({"name": name, "group": group.id, "embeddings": count})
    else:
        typer.echo(f"{name} is enrolled in the gallery, from {visits}; the pictures are erased")
