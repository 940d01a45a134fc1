"""`tune`, `not-me`: how sure, and who not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onlyme.cli import options, show

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(tune)
    app.command()(certificate)
    app.command(name="not-me")(not_me)


def tune(
    name: options.Name,
    *,
    far: Annotated[
        float | None,
        typer.Option(
            help="Accept a random stranger at most this often, such as 1e-5.", show_default=False
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(help="The margin that a face must reach, −2 to 2.", show_default=False),
    ] = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Set how sure a person must be recognised.

    A higher alpha keeps more strangers out, and the owner too when the light is bad.
    """
    from dataclasses import asdict

    with options.opened(vault) as face_id:
        tuning = face_id.tune(name, far=far, alpha=alpha)
        owner = face_id.owner(name)
    if json:
        show.print_json(asdict(tuning))
        return
    typer.echo(f"alpha {tuning.alpha_before:+.3f} → {tuning.alpha:+.3f}: {show.odds(tuning.far)}")
    if tuning.miss is not None and tuning.miss_interval is not None:
        low, high = tuning.miss_interval
        typer.echo(
            f"expected misses: {tuning.miss:.2%} ({low:.2%} to {high:.2%}), "
            f"as measured on {tuning.miss_people} other people"
        )
    own, strangers = owner.margins(owner.examples.me), owner.learned.stranger_margins()
    typer.echo(show.two_histograms(own.tolist(), strangers.tolist(), owner.alpha))


def certificate(
    name: options.Name, *, vault: options.Vault = None, json: options.Json = False
) -> None:
    """Say how often a stranger would be accepted, how sure that is, and on what ground."""
    from dataclasses import asdict

    with options.opened(vault) as face_id:
        made = face_id.owner(name).certificate()
    if json:
        show.print_json(asdict(made))
        return
    typer.secho(f"{name}, alpha {made.alpha:+.3f}", bold=True)
    for sentence in made.sentences():
        typer.echo(f"  {sentence}")


def not_me(
    name: options.Name,
    photo: Annotated[
        Path | None,
        typer.Argument(
            metavar="PHOTO", help="A photo of whoever was taken for the person.", show_default=False
        ),
    ] = None,
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last lesson back.")] = False,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Say "that wasn't me": the face will be kept apart from this person from now on."""
    from dataclasses import asdict

    if (photo is None) != undo:
        raise typer.BadParameter("give a photo, or --undo", param_hint="PHOTO")
    with options.opened(vault) as face_id:
        lesson = face_id.undo_not_me(name) if photo is None else face_id.not_me(name, photo)
    if json:
        show.print_json(asdict(lesson))
        return
    typer.echo(f"that face:  margin {lesson.margin_before:+.3f} → {lesson.margin_after:+.3f}")
    typer.echo(f"alpha:      {lesson.alpha_before:+.3f} → {lesson.alpha_after:+.3f}")
    before, after = (sum(own) / len(own) for own in (lesson.own_before, lesson.own_after))
    typer.echo(f"own photos: margin {before:+.3f} → {after:+.3f} on average")
    lost = sum(
        then >= lesson.alpha_before and now < lesson.alpha_after
        for then, now in zip(lesson.own_before, lesson.own_after, strict=True)
    )
    if lost > 0:
        typer.echo(f"note: {lost} own photos would no longer pass; add photos, or use --undo")
