"""`enroll`, `list`, `forget`: who is known."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.types import Frame, PhotoReport

__all__ = ["register"]

_FROM_CAMERA = 7
_CAMERA_SECONDS = 20.0
_BETWEEN_SECONDS = 0.4


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(enroll)
    app.command(name="list")(list_)
    app.command()(forget)


def enroll(
    name: options.Name,
    photo: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PHOTO", help="Photos of the person, or folders of them.", show_default=False
        ),
    ] = None,
    *,
    not_me: Annotated[
        list[Path] | None,
        typer.Option(
            "--not-me",
            metavar="PATH",
            help="A photo of somebody else, or a folder of them. May be repeated.",
            show_default=False,
        ),
    ] = None,
    look_alike: Annotated[
        list[Path] | None,
        typer.Option(
            "--look-alike",
            metavar="PATH",
            help="A photo of somebody who looks like the person: a sibling, say. May be repeated.",
            show_default=False,
        ),
    ] = None,
    camera: options.Camera = None,
    add: Annotated[
        bool, typer.Option("--add", help="Add to what is enrolled under this name.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Forget what is enrolled under this name.")
    ] = False,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Learn a person from a few photos: one is enough, five are advised.

    onlyme enroll ada photos-of-ada/
    onlyme enroll ada ada1.jpg ada2.jpg --not-me photos-of-others/
    onlyme enroll ada --camera 0
    """
    if not photo and camera is None:
        raise typer.BadParameter("give photos of the person, or --camera N", param_hint="PHOTO")
    taken = 0

    def said(report: PhotoReport) -> None:
        nonlocal taken
        taken += report.taken
        typer.echo(show.photo_line(report), err=True)

    def captured() -> Iterator[Frame]:
        from onlyme.image.source import Capture

        assert camera is not None  # noqa: S101 - for the type checker; asked below
        start, last = time.monotonic(), 0.0
        with Capture(options.source(camera)) as frames:
            for frame in frames:
                now = time.monotonic()
                if taken >= _FROM_CAMERA or now - start > _CAMERA_SECONDS:
                    return
                if now - last >= _BETWEEN_SECONDS:
                    last = now
                    yield frame

    if camera is not None:
        typer.echo("Look at the camera, and turn your head slowly from side to side.", err=True)
    with options.opened(vault, embedder) as face_id:
        enrollment = face_id.enroll(
            name,
            captured() if camera is not None else photo or (),
            not_me or (),
            look_alikes=look_alike or (),
            add=add,
            replace=replace,
            on_photo=None if json else said,
        )
    if json:
        show.print_json(show.enrollment_json(enrollment))
        return
    photos = f"{enrollment.taken} of {len(enrollment.me)} photos"
    typer.secho(
        f"{enrollment.name} is learned from {photos}, in {enrollment.seconds:.1f} s", bold=True
    )
    typer.echo(f"alpha {enrollment.alpha:+.3f}: {show.odds(enrollment.far)}")
    for note in enrollment.notes:
        typer.echo(f"note: {note}")
    for sentence in enrollment.advice:
        typer.echo(f"tip:  {sentence}")


def list_(*, vault: options.Vault = None, json: options.Json = False) -> None:
    """List who is enrolled."""
    from onlyme.errors import NeedsReenroll

    documents, lines = [], []
    with options.opened(vault) as face_id:
        for name in face_id.names():
            try:
                owner = face_id.owner(name)
            except NeedsReenroll as error:
                # One outdated template does not hide the others.
                documents.append({"name": name, "needs_reenroll": True})
                lines.append(str(error))
            else:
                documents.append(show.owner_json(owner))
                lines.append(show.owner_line(owner))
    if json:
        show.print_json(documents)
        return
    typer.echo(
        "\n".join(lines) or "nobody is enrolled yet; `onlyme enroll NAME PHOTO…` enrolls the first"
    )


def forget(name: options.Name, *, vault: options.Vault = None) -> None:
    """Erase everything that is kept of a person."""
    with options.opened(vault) as face_id:
        face_id.forget(name)
    typer.echo(f"{name} is forgotten")
