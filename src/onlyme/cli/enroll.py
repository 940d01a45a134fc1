"""Run `enroll`, `list` and `forget`: add people, show them, erase them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from onlyme.cli import options, output

if TYPE_CHECKING:
    from onlyme.types import PhotoReport

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(enroll)
    app.command(name="list")(list_)
    app.command()(forget)


def enroll(
    name: options.Name,
    photo: options.Photos = None,
    *,
    not_me: options.NotMe = None,
    look_alike: options.LookAlike = None,
    camera: options.Camera = None,
    add: options.Add = False,
    replace: options.Replace = False,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Learn a person from a few photos: one is enough, five are recommended.

    onlyme enroll ada photos-of-ada/
    onlyme enroll ada ada1.jpg ada2.jpg --not-me photos-of-others/
    onlyme enroll ada --camera 0
    """
    from onlyme.enrollment.camera import EnrollmentCamera
    from onlyme.faceid.serialize import serialize_enrollment

    options.require_one(photo, camera is not None, "give photos of the person, or --camera N")
    capture = None if camera is None else EnrollmentCamera(options.parse_source(camera))
    if capture:
        output.ask_for_head_turns()

    def report_photo(report: PhotoReport) -> None:
        if capture:
            capture.add_report(report)
        if not json:
            typer.echo(output.format_photo(report), err=True)

    with options.open_face_id(vault, embedder, make=True) as face_id:
        enrollment = face_id.enroll(
            name,
            capture.frames() if capture else photo or (),
            not_me or (),
            look_alikes=look_alike or (),
            add=add,
            replace=replace,
            on_photo=report_photo,
        )
    if json:
        output.print_json(serialize_enrollment(enrollment))
    else:
        output.print_enrollment(enrollment)


def list_(
    *,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """List the enrolled people: the owners in the vault, then the people in the gallery."""
    from onlyme.errors import NeedsReenroll
    from onlyme.faceid.enrolled import collect_untold
    from onlyme.faceid.serialize import serialize_owners, serialize_person

    lines = []
    with options.open_face_id(vault, embedder) as face_id:
        if json:
            documents = serialize_owners(face_id.names(), face_id.owner)
            output.print_json(documents + list(map(serialize_person, face_id.gallery_people())))
            return
        for name in face_id.names():
            try:
                lines.append(output.format_owner(face_id.owner(name)))
            except NeedsReenroll as error:  # one outdated template does not hide the others
                lines.append(str(error))
        lines += map(output.format_person, face_id.gallery_people())
        untold = collect_untold(face_id.admin.store, face_id.owner)
    none = "no person is enrolled yet; `onlyme enroll NAME PHOTO…` enrolls the first"
    typer.echo("\n".join(lines) or none)
    for name in untold:
        typer.echo(
            f"note: the open eyes of {name} are not known yet, so attention (`onlyme watch "
            "--attention eyes`) measures them by other people's; to learn them, run "
            f"`onlyme enroll {name} --camera 0 --add`",
            err=True,
        )


def forget(name: options.Name, *, vault: options.Vault = None, json: options.Json = False) -> None:
    """Erase everything that is stored about a person."""
    with options.open_face_id(vault) as face_id:
        notes = face_id.forget(name)
    if json:
        output.print_json({"name": name, "forgotten": True} | ({"notes": notes} if notes else {}))
    else:
        output.print_forgotten(name)
        output.print_notes(notes)
