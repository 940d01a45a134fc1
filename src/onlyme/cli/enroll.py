"""`enroll`, `list`, `forget`: who is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output
from onlyme.faceid.serialize import serialize_enrollment, serialize_owners, serialize_person

if TYPE_CHECKING:
    from onlyme.types import PhotoReport

__all__ = ["register"]

Photos = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PHOTO", help="Photos of the person, or folders of them.", show_default=False
    ),
]
NotMe = Annotated[
    list[Path] | None,
    typer.Option(
        "--not-me",
        metavar="PATH",
        help="A photo of somebody else, or a folder of them. May be repeated.",
        show_default=False,
    ),
]
LookAlike = Annotated[
    list[Path] | None,
    typer.Option(
        "--look-alike",
        metavar="PATH",
        help="A photo of somebody who looks like the person: a sibling, say. May be repeated.",
        show_default=False,
    ),
]
Add = Annotated[bool, typer.Option("--add", help="Add to what is enrolled under this name.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="Forget what is enrolled under this name.")
]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(enroll)
    app.command(name="list")(list_)
    app.command()(forget)


def enroll(
    name: options.Name,
    photo: Photos = None,
    *,
    not_me: NotMe = None,
    look_alike: LookAlike = None,
    camera: options.Camera = None,
    add: Add = False,
    replace: Replace = False,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Learn a person from a few photos: one is enough, five are advised.

    onlyme enroll ada photos-of-ada/
    onlyme enroll ada ada1.jpg ada2.jpg --not-me photos-of-others/
    onlyme enroll ada --camera 0
    """
    from onlyme.enrollment.camera import EnrollmentCamera

    if (camera is None) != bool(photo):
        raise typer.BadParameter("give photos of the person, or --camera N", param_hint="PHOTO")
    sitting = None if camera is None else EnrollmentCamera(options.parse_source(camera))
    if sitting:
        typer.echo("Look at the camera, and turn your head slowly from side to side.", err=True)

    def report_photo(report: PhotoReport) -> None:
        if sitting:
            sitting.add_report(report)
        if not json:
            typer.echo(output.format_photo(report), err=True)

    with options.open_face_id(vault, embedder, make=True) as face_id:
        enrollment = face_id.enroll(
            name,
            sitting.frames() if sitting else photo or (),
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
    """List who is enrolled: the owners in the vault, then the people in the gallery."""
    from onlyme.errors import NeedsReenroll

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
    nobody = "nobody is enrolled yet; `onlyme enroll NAME PHOTO…` enrolls the first"
    typer.echo("\n".join(lines) or nobody)


def forget(name: options.Name, *, vault: options.Vault = None, json: options.Json = False) -> None:
    """Erase everything that is kept of a person."""
    with options.open_face_id(vault) as face_id:
        face_id.forget(name)
    if json:
        output.print_json({"name": name, "forgotten": True})
    else:
        typer.echo(f"{name} is forgotten")
