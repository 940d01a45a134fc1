"""`verify`, `identify`, `watch`: who is it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, show

if TYPE_CHECKING:
    from onlyme.types import Decision

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(verify)
    app.command()(identify)
    app.command()(watch)


def verify(
    name: options.Name,
    photo: Annotated[
        Path | None,
        typer.Argument(metavar="PHOTO", help="The photo in question.", show_default=False),
    ] = None,
    *,
    camera: options.Camera = None,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Decide whether a photo shows this person.

    onlyme verify ada somebody.jpg && echo welcome
    """
    if (photo is None) == (camera is None):
        raise typer.BadParameter("give a photo or --camera N", param_hint="PHOTO")
    with options.opened(vault, embedder) as face_id:
        if photo is not None:
            decision = face_id.verify(name, photo)
        else:
            decision = next(face_id.watch(name, options.source(camera or "")))
    _answer(decision, json=json)


def identify(
    photo: Annotated[
        Path, typer.Argument(metavar="PHOTO", help="The photo in question.", show_default=False)
    ],
    *,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Find out which of the enrolled people a photo shows, if any."""
    with options.opened(vault, embedder) as face_id:
        decision = face_id.identify(photo)
    _answer(decision, json=json)


def watch(
    name: options.Name,
    video: Annotated[
        Path | None,
        typer.Argument(metavar="VIDEO", help="A video instead of a camera.", show_default=False),
    ] = None,
    *,
    camera: Annotated[
        str, typer.Option("--camera", metavar="N", help="A camera's number or path.")
    ] = "0",
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Watch a camera or a video, and say when the verdict changes. Ctrl-C ends it.

    With --json, one JSON document on a line for each change.
    """
    accepted, last, frames = False, None, 0
    start = time.perf_counter()
    with options.opened(vault, embedder) as face_id:
        for decision in face_id.watch(name, video or options.source(camera)):
            accepted = decision.accepted
            frames += decision.frames
            if decision.reason is not last:
                last = decision.reason
                rate = frames / (time.perf_counter() - start)
                show.print_change(decision, rate, json=json)
    raise typer.Exit(0 if accepted else 1)


def _answer(decision: Decision, *, json: bool) -> None:
    if json:
        show.print_json(show.decision_json(decision))
    else:
        typer.echo(show.decision_line(decision))
        if decision.liveness.level == "off":
            typer.echo(
                "liveness was not looked at: a photo of a photo would pass as well", err=True
            )
    raise typer.Exit(0 if decision.accepted else 1)
