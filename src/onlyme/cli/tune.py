"""`tune`, `not-me`: how sure, and who not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onlyme.cli import options, output

__all__ = ["register"]


Far = Annotated[
    float | None,
    typer.Option(
        help="Accept a random stranger at most this often, such as 1e-5.", show_default=False
    ),
]
PresetName = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="A rate that others ask for: relaxed, nist, android or hello.",
        show_default=False,
    ),
]
Alpha = Annotated[
    float | None,
    typer.Option(help="The margin that a face must reach, −2 to 2.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(tune)
    app.command()(certificate)
    app.command(name="not-me")(not_me)


def tune(
    name: options.Name,
    *,
    far: Far = None,
    preset: PresetName = None,
    alpha: Alpha = None,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Set how sure a person must be recognised; without an option, show how it stands.

    A higher alpha keeps more strangers out, and the owner too when the light is bad.

    onlyme tune ada --far 1e-5
    onlyme tune ada --preset hello
    """
    from dataclasses import asdict

    from onlyme.siamese.presets import PRESETS, choose_far

    if not (far is None and preset is None and alpha is None):
        far, alpha = choose_far(far=far, preset=preset, alpha=alpha)
    with options.open_face_id(vault, embedder) as face_id:
        if far is None and alpha is None:
            tuning = face_id.owner(name).tuning()
        else:
            tuning = face_id.tune(name, far=far, alpha=alpha)
        owner = face_id.owner(name)
    if json:
        output.print_json(asdict(tuning))
        return
    output.print_tuning(tuning)
    own, strangers = owner.margins(owner.examples.me), owner.learned.stranger_margins()
    # The owner was learned from these very photos, which flatters their margins.
    typer.echo("margins of the enrolled photos themselves (ME) and of strangers (NOT_ME):")
    typer.echo(output.draw_histograms(own.tolist(), strangers.tolist(), owner.alpha))
    if far is None and alpha is None:
        for each in PRESETS:
            typer.echo(f"--preset {each.name:<8} {each.far:g}  {each.source}")


def certificate(
    name: options.Name,
    *,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Say how often a stranger would be accepted, how sure that is, and on what ground."""
    from dataclasses import asdict

    with options.open_face_id(vault, embedder) as face_id:
        made = face_id.owner(name).certificate()
    if json:
        output.print_json(asdict(made))
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
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Say "that wasn't me": the face will be kept apart from this person from now on."""
    from dataclasses import asdict

    if (photo is None) != undo:
        raise typer.BadParameter("give a photo, or --undo", param_hint="PHOTO")
    with options.open_face_id(vault, embedder) as face_id:
        lesson = face_id.undo_not_me(name) if photo is None else face_id.not_me(name, photo)
    if json:
        output.print_json(asdict(lesson))
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
