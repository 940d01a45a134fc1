"""Run `verify` and `identify`: decide whom a photo or a camera shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import many, options, output
from onlyme.cli.lines import say
from onlyme.types import Reason

if TYPE_CHECKING:
    from onlyme import FaceID
    from onlyme.types import Decision, Face, Frame

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(verify)
    app.command()(identify)


def verify(
    name: options.Name,
    photo: many.ManyPhotos = None,
    *,
    camera: options.Camera = None,
    liveness: options.Level = None,
    attention: options.Attention = None,
    gate: Annotated[
        bool,
        typer.Option("--gate", help="Count this photo as an attempt; a camera is always counted."),
    ] = False,
    csv: many.Table = False,
    jsonl: many.Lines = False,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Decide whether a photo shows this person; or decide for each of many photos.

    onlyme verify ada photo.jpg && echo welcome
    onlyme verify ada holiday/ --csv > ada.csv
    """
    options.require_one(photo, camera is not None, "give a photo or --camera N")
    if photo is not None and attention is not None:
        raise typer.BadParameter("a photo cannot show attention; give --camera N instead")
    photos, single = many.read_photos(photo)
    with options.open_face_id(vault, embedder) as face_id:
        if camera is not None:
            source = options.parse_source(camera)
            level = options.choose_level(liveness)
            if options.asks_for_attention(attention):
                output.print_unknown_eyes(face_id, name)
            decision = next(
                face_id.watch(name, source, liveness=level, attention=attention, ask=output.ask)
            )
        elif single and not (csv or jsonl):
            decision = face_id.verify(name, photos[0], liveness, gate=gate)
        elif gate:
            raise typer.BadParameter("counts one photo at a time", param_hint="--gate")
        else:
            many.print_batch(
                lambda on_row: face_id.verify_all(name, photos, liveness, on_row=on_row),
                json=json,
                csv=csv,
                jsonl=jsonl,
            )
        why = "" if camera is not None or json else _explain(face_id, photos[0], decision)
    _print_and_exit(decision, json=json, why=why)


def identify(
    photo: many.ManyPhotos = None,
    *,
    all_: Annotated[
        bool, typer.Option("--all", help="Check every face in the photo, the largest first.")
    ] = False,
    candidates: Annotated[
        int,
        typer.Option(
            "--candidates",
            metavar="N",
            min=0,
            max=100,
            help="Also list the N people whom the face resembles most. That is no answer: a "
            "stranger resembles some person, too.",
            show_default=False,
        ),
    ] = 0,
    csv: many.Table = False,
    jsonl: many.Lines = False,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Find out which of the enrolled people a photo shows, if any; or each of many photos.

    onlyme identify visitor.jpg
    onlyme identify album/ --jsonl
    """
    photos, single = many.read_photos(photo)
    if not photos:
        raise typer.BadParameter("give a photo", param_hint="PHOTO")
    if candidates and (all_ or csv or jsonl or not single):
        raise typer.BadParameter("takes one photo", param_hint="--candidates")
    with options.open_face_id(vault, embedder) as face_id:
        if all_:
            if not single or csv or jsonl:
                raise typer.BadParameter("takes one photo", param_hint="--all")
            _print_faces(face_id.identify_faces(photos[0]), json=json)
        if single and not (csv or jsonl):
            decision = face_id.identify(photos[0], candidates=candidates)
            why = "" if json else _explain(face_id, photos[0], decision)
            if not json:
                output.print_candidates(decision.candidates or ())
            _print_and_exit(decision, json=json, why=why)
        many.print_batch(
            lambda on_row: face_id.identify_all(photos, on_row=on_row),
            json=json,
            csv=csv,
            jsonl=jsonl,
        )


def _print_faces(found: list[tuple[Face, Decision]], *, json: bool) -> None:
    from onlyme.faceid.serialize import serialize_found

    if json:
        output.print_json([serialize_found(face, decision) for face, decision in found])
    elif not found:
        say("no face in the picture")
    else:
        for face, decision in found:
            say(f"{output.format_box(face)}  {output.format_decision(decision)}")
    raise typer.Exit(0 if any(decision.accepted for _, decision in found) else 1)


def _explain(face_id: FaceID, photo: Path | Frame, decision: Decision) -> str:
    """Say why a photo could not be judged, and what to do; empty if it was."""
    if decision.reason not in (Reason.NO_FACE, Reason.MANY_FACES, Reason.POOR_QUALITY):
        return ""
    from onlyme.enrollment.examine import explain_refusal

    return explain_refusal(face_id.pipeline.look(photo))


def _print_and_exit(decision: Decision, *, json: bool, why: str = "") -> None:
    if json:
        from onlyme.faceid.serialize import serialize_decision

        output.print_json(serialize_decision(decision))
    else:
        say(output.format_decision(decision))
        if why:
            say(why, err=True)
        if decision.accepted and decision.liveness.note:
            say(f"Note: {decision.liveness.note}", err=True)
        if decision.liveness.level == "off":
            say("Liveness was not checked: a printed photo could pass", err=True)
    raise typer.Exit(0 if decision.accepted else 1)
