"""Run `enroll`, `list`, `forget`, `rename` and `merge`: manage the enrolled people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_new_name, complete_person
from onlyme.cli.lines import say
from onlyme.cli.passwords import confirm_erasing
from onlyme.types import checked_name

if TYPE_CHECKING:
    from onlyme.types import PhotoReport

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(enroll)
    app.command(name="list")(list_)
    app.command()(forget)
    app.command()(rename)
    app.command()(merge)


def enroll(
    name: options.Name,
    photo: options.Photos = None,
    *,
    not_me: options.NotMe = None,
    look_alike: options.LookAlike = None,
    camera: options.Camera = None,
    add: options.Add = False,
    replace: options.Replace = False,
    look: options.Look = "",
    anyway: options.Anyway = False,
    yes: options.Yes = False,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Learn a person from a few photos: one is enough, five are recommended.

    onlyme enroll ada photos-of-ada/
    onlyme enroll ada ada1.jpg ada2.jpg --not-me photos-of-others/
    onlyme enroll ada --camera 0
    onlyme enroll ada film-of-ada.mp4
    onlyme enroll ada glasses1.jpg glasses2.jpg --add --look glasses
    """
    from onlyme.enrollment.camera import EnrollmentCamera
    from onlyme.errors import EnrollmentError
    from onlyme.faceid.serialize import serialize_enrollment

    options.require_one(photo, camera is not None, "give photos of the person, or --camera N")
    if replace:
        confirm_erasing(f"Forget what is enrolled as {name}, and start anew?", yes=yes)
    capture = None if camera is None else EnrollmentCamera(options.parse_source(camera))
    if capture:
        output.ask_for_head_turns()

    def report_photo(report: PhotoReport) -> None:
        if capture:
            capture.add_report(report)
        if not json:
            say(output.format_photo(report), err=True)

    with options.open_face_id(vault, embedder, make=True) as face_id:
        try:
            enrollment = face_id.enroll(
                name,
                capture.frames() if capture else photo or (),
                not_me or (),
                look_alikes=look_alike or (),
                add=add,
                replace=replace,
                anyway=anyway,
                look=look,
                on_photo=report_photo,
            )
        except EnrollmentError as error:
            if json:
                raise
            # Every photo was reported already, so its problem is not told twice.
            raise type(error)(str(error).partition("\n")[0].rstrip(":")) from None
    if json:
        output.print_json(serialize_enrollment(enrollment))
    else:
        output.print_enrollment(enrollment)
    options.report_unread((*(photo or ()), *(not_me or ()), *(look_alike or ())))


def list_(
    *,
    filter_: Annotated[
        str | None,
        typer.Option(
            "--filter",
            metavar="TEXT",
            help="Only names with this text in them, in small or capital letters.",
            show_default=False,
        ),
    ] = None,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """List the enrolled people: the owners in the vault, then the people in the gallery."""
    from onlyme.errors import NeedsReenroll
    from onlyme.faceid.serialize import serialize_owners, serialize_person

    lines, text = [], (filter_ or "").casefold()

    def fits(name: str) -> bool:
        return text in name.casefold()

    with options.open_face_id(vault, embedder) as face_id:
        if json:
            documents = serialize_owners(filter(fits, face_id.names()), face_id.owner)
            people = [one for one in face_id.gallery_people() if fits(one.name)]
            output.print_json(documents + list(map(serialize_person, people)))
            return
        for name in filter(fits, face_id.names()):
            try:
                lines.append(output.format_owner(face_id.owner(name)))
            except NeedsReenroll as error:  # one outdated template does not hide the others
                lines.append(str(error))
        lines += [output.format_person(one) for one in face_id.gallery_people() if fits(one.name)]
        none = "no person is enrolled yet; `onlyme enroll NAME PHOTO…` enrolls the first"
        if text:
            none = f"no name has {filter_!r} in it; `onlyme list` shows all"
        say("\n".join(lines) or none)
        output.print_unknown_eyes(face_id)


def forget(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="The people's names.",
            show_default=False,
            autocompletion=complete_person,
        ),
    ],
    *,
    yes: options.Yes = False,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Erase everything that is stored about a person, or about several; on a terminal it asks."""
    from onlyme.errors import unknown_owner

    wanted = [checked_name(name) for name in names]
    documents = []
    with options.open_face_id(vault) as face_id:
        for name in wanted:  # a command that fails erases no person
            if not face_id.is_enrolled(name):
                raise unknown_owner(name, face_id.names())
        confirm_erasing(f"Erase everything that is stored about {', '.join(wanted)}?", yes=yes)
        for name in dict.fromkeys(wanted):
            notes = face_id.forget(name)
            documents.append(
                {"name": name, "forgotten": True} | ({"notes": notes} if notes else {})
            )
            if not json:
                output.print_forgotten(name)
                output.print_notes(notes)
    if json:
        output.print_json(documents[0] if len(documents) == 1 else documents)


def rename(
    name: options.Name,
    new_name: Annotated[
        str,
        typer.Argument(
            metavar="NEW",
            help="The new name.",
            show_default=False,
            autocompletion=complete_new_name,
        ),
    ],
    *,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Give a person another name. Attempts that were counted stay counted."""
    with options.open_face_id(vault) as face_id:
        face_id.rename(name, new_name)
    new = checked_name(new_name)
    if json:
        output.print_json({"name": new, "was": name})
    else:
        say(f"{name} is called {new} now")


def merge(
    name: options.Name,
    other: Annotated[
        str,
        typer.Argument(
            metavar="OTHER",
            help="The name to give up.",
            show_default=False,
            autocompletion=complete_person,
        ),
    ],
    *,
    anyway: options.Anyway = False,
    yes: options.Yes = False,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Make one person of two names: the first keeps the photos of both; on a terminal it asks."""
    from onlyme.errors import unknown_owner

    with options.open_face_id(vault) as face_id:
        for each in map(checked_name, (name, other)):
            if not face_id.is_enrolled(each):
                raise unknown_owner(each, face_id.names())
        confirm_erasing(f"Make {other} and {name} one person? It cannot be undone.", yes=yes)
        tuning = face_id.merge(name, other, anyway=anyway)
    if json:
        output.print_json({"name": name, "merged": checked_name(other), "alpha": tuning.alpha})
    else:
        say(f"{name} now has the photos of {checked_name(other)}, who is no longer a name")
