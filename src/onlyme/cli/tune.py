"""Run `tune`, `certificate` and `not-me`: set how strictly a person is recognised."""

from __future__ import annotations

from typing import Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.lines import read_width, say, wrap_text
from onlyme.cli.passwords import TeachAnyway, confirm_not_me

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(tune)
    app.command()(certificate)
    app.command(name="not-me")(not_me)


def tune(
    name: options.Name,
    *,
    far: options.Far = None,
    preset: options.PresetName = None,
    alpha: options.Alpha = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Also set an alpha that is looser than any promise.")
    ] = False,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Set how strictly a person is recognised; without an option, show the present setting.

    A higher alpha rejects more strangers, and in bad light also the owner.

    onlyme tune ada --far 1e-5
    onlyme tune ada --preset hello
    """
    from dataclasses import asdict

    from onlyme.faceid.learn import refuse_loose_alpha
    from onlyme.siamese.presets import PRESETS, choose_far

    if not (far is None and preset is None and alpha is None):
        far, alpha = choose_far(far=far, preset=preset, alpha=alpha)
    with options.open_face_id(vault, embedder) as face_id:
        if far is None and alpha is None:
            tuning = face_id.tune(name)
        else:
            if not yes:
                refuse_loose_alpha(face_id.find_owner(name), alpha)
            tuning = face_id.tune(name, far=far, alpha=alpha)
        owner = face_id.find_owner(name)
    if json:
        output.print_json(asdict(tuning))
        return
    output.print_tuning(tuning)
    own, strangers = owner.margins(owner.examples.me), owner.learned.stranger_margins()
    # The owner was learned from these photos, so their margins are better than a new photo's.
    say("margins of the enrolled photos (ME) and of strangers (NOT_ME):")
    say(
        output.draw_histograms(
            own.tolist(), strangers.tolist(), owner.alpha, min(64, read_width() - 12)
        )
    )
    if far is None and alpha is None:
        for each in PRESETS:
            typer.echo(wrap_text(f"--preset {each.name:<8} {each.far:g}  {each.source}"))


def certificate(
    name: options.Name,
    *,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Show how often a stranger would be accepted, how certain that is, and why."""
    from dataclasses import asdict

    with options.open_face_id(vault, embedder) as face_id:
        made = face_id.certificate(name)
    if json:
        output.print_json(asdict(made))
        return
    output.print_certificate(f"{name}, alpha {made.alpha:+.3f}", made.sentences())


def not_me(
    name: options.Name,
    photo: options.WrongPhoto = None,
    *,
    undo: options.UndoLesson = False,
    yes: TeachAnyway = False,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Say "that wasn't me": teach that this face belongs to another person.

    A face that is accepted now may be the person's own, so it is asked about first; without a
    terminal it is refused unless --yes is given.

    onlyme not-me ada brother.jpg
    onlyme not-me ada brother.jpg --yes
    onlyme not-me ada --undo
    """
    from dataclasses import asdict

    from onlyme.faceid.own_face import compare_with_own_photos, describe_own_face

    options.require_one(photo, undo, "give a photo, or --undo")
    with options.open_face_id(vault, embedder) as face_id:
        if photo is None:
            lesson = face_id.undo_not_me(name)
        else:
            if not yes:
                compared = compare_with_own_photos(face_id, name, photo)
                confirm_not_me(describe_own_face(compared))
            lesson = face_id.not_me(name, photo)
    if json:
        output.print_json(asdict(lesson))
        return
    output.print_lesson(lesson)
