"""Run `verify`, `identify` and `watch`: decide whom a photo or a camera shows."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import many, options, output, watch_everybody
from onlyme.cli.complete import complete_camera, complete_person
from onlyme.cli.recording import start_recording
from onlyme.types import Reason, checked_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onlyme import FaceID
    from onlyme.types import Decision, Face

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(verify)
    app.command()(identify)
    app.command()(watch)


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


def watch(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="The person's name; leave it out with --everybody.",
            show_default=False,
            autocompletion=complete_person,
        ),
    ] = None,
    video: Annotated[
        Path | None,
        typer.Argument(metavar="VIDEO", help="A video instead of a camera.", show_default=False),
    ] = None,
    *,
    camera: Annotated[
        list[str] | None,
        typer.Option(
            "--camera",
            metavar="N",
            help="A camera's number, path or name; by default 0.",
            show_default=False,
            autocompletion=complete_camera,
        ),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="Report all people who come and go, with names.")
    ] = False,
    liveness: options.Levels = None,
    attention: options.Attention = None,
    on_accept: Annotated[
        str | None,
        typer.Option(
            "--on-accept",
            metavar="CMD",
            help="Run this program once for each accepted attempt, without a shell; with "
            "--everybody once for each visit, which is then counted.",
            show_default=False,
        ),
    ] = None,
    on_known: Annotated[
        str | None,
        typer.Option(
            "--on-known",
            metavar="CMD",
            help="With --everybody: run this program when a person is recognised. It gets JSON on "
            "its standard input, and should open nothing.",
            show_default=False,
        ),
    ] = None,
    on_unknown: Annotated[
        str | None,
        typer.Option(
            "--on-unknown",
            metavar="CMD",
            help="With --everybody: run this program when a person is not enrolled.",
            show_default=False,
        ),
    ] = None,
    webhook: Annotated[
        list[str] | None,
        typer.Option(
            "--webhook",
            metavar="URL",
            help="With --everybody: send each event there, signed, until it arrives. May be "
            "repeated.",
            show_default=False,
        ),
    ] = None,
    webhook_private: Annotated[
        bool, typer.Option("--webhook-private", help="Webhooks may be inside the network.")
    ] = False,
    mqtt: options.Mqtt = None,
    mqtt_names: options.MqttNames = False,
    mqtt_ca: options.MqttCa = None,
    no_events: Annotated[
        bool, typer.Option("--no-events", help="With --everybody: store no events.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="OUT",
            help="Save what was seen as a video, with faces and verdicts drawn in: out.mp4.",
            show_default=False,
        ),
    ] = None,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Watch a camera or a video, and print when the verdict changes. Ctrl-C ends it.

    With --json, one JSON document a line, one for each change.
    """
    if everybody and (attention is not None or record is not None):
        raise typer.BadParameter("--attention and --record are for one person; name one")
    broker = options.parse_broker(mqtt, names=mqtt_names, ca=mqtt_ca)
    if everybody:
        if name is not None and video is None:
            video = Path(name)  # the only argument
        watch_everybody.watch_everybody(
            _list_sources(video, camera),
            liveness or [],
            watch_everybody.Programs(
                _split_command(on_accept, "--on-accept"),
                _split_command(on_known, "--on-known"),
                _split_command(on_unknown, "--on-unknown"),
            ),
            watch_everybody.Reporting(not no_events, tuple(webhook or ()), webhook_private, broker),
            embedder,
            vault,
            json=json,
        )
    if on_known is not None or on_unknown is not None or webhook or broker is not None:
        raise typer.BadParameter("--on-known, --on-unknown, --webhook and --mqtt need --everybody")
    if name is None:
        raise typer.BadParameter("give the name of a person, or --everybody", param_hint="NAME")
    name = checked_name(name)
    sources = _list_sources(video, camera)
    if len(sources) > 1 or len(liveness or []) > 1:
        raise typer.BadParameter("several cameras need --everybody", param_hint="--camera")
    command = _split_command(on_accept, "--on-accept")
    with options.open_face_id(vault, embedder, lasting=True) as face_id:
        level = options.choose_level(liveness[0] if liveness else None)
        with start_recording(record) as recording:
            decisions = face_id.watch(
                name,
                sources[0],
                liveness=level,
                attention=attention,
                ask=output.ask,
                on_observation=recording.add,
            )
            noted = map(recording.note, decisions)
            accepted = _report_decisions(noted, command, json=json)
    raise typer.Exit(0 if accepted else 1)


def _list_sources(video: Path | None, cameras: list[str] | None) -> list[str | int | Path]:
    """Return what to watch: a video or cameras, by default the first camera."""
    if video is not None and cameras:
        raise typer.BadParameter("give a video or --camera N, not both", param_hint="VIDEO")
    return [video] if video is not None else [*map(options.parse_source, cameras or ["0"])]


def _report_decisions(
    decisions: Iterable[Decision], command: tuple[str, ...], *, json: bool
) -> bool:
    """Print each change of the verdict, run the command; return whether the last one accepts."""
    accepted, last, frames = False, None, 0
    start: float | None = None
    for decision in decisions:
        if start is None:  # count from the first frame: loading the networks took time before it
            spent = sum(decision.timings_ms.values()) * decision.frames / 1e3
            start = time.perf_counter() - spent
        accepted = decision.accepted
        if accepted and command:
            _run_command(command)
        frames += decision.frames
        if decision.reason is not last:
            last = decision.reason
            rate = frames / max(time.perf_counter() - start, 1e-3)
            output.print_change(decision, rate, json=json)
    return accepted


def _split_command(words: str | None, option: str) -> tuple[str, ...]:
    """Split a command into program and arguments; refuse it before the camera starts."""
    if words is None:
        return ()
    try:
        command = shlex.split(words)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
    if not command or shutil.which(command[0]) is None:
        raise typer.BadParameter(f"no such program: {words}", param_hint=option)
    return tuple(command)


def _run_command(command: tuple[str, ...]) -> None:
    """Run the owner's program; its output goes to stderr, since stdout is for our answer."""
    done = subprocess.run(  # noqa: S603 - the owner gave the command, and no shell runs it
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(), check=False
    )
    if done.returncode:
        typer.echo(f"{command[0]} ended with exit code {done.returncode}", err=True)


def _print_faces(found: list[tuple[Face, Decision]], *, json: bool) -> None:
    from onlyme.faceid.serialize import serialize_found

    if json:
        output.print_json([serialize_found(face, decision) for face, decision in found])
    elif not found:
        typer.echo("no face in the picture")
    else:
        for face, decision in found:
            typer.echo(f"{output.format_box(face)}  {output.format_decision(decision)}")
    raise typer.Exit(0 if any(decision.accepted for _, decision in found) else 1)


def _explain(face_id: FaceID, photo: Path | bytes, decision: Decision) -> str:
    """Say why a photo could not be judged, and what to do; empty if it was."""
    if decision.reason not in (Reason.NO_FACE, Reason.MANY_FACES, Reason.POOR_QUALITY):
        return ""
    from onlyme.enrollment.photos import explain_refusal

    return explain_refusal(face_id.pipeline.look(photo))


def _print_and_exit(decision: Decision, *, json: bool, why: str = "") -> None:
    if json:
        from onlyme.faceid.serialize import serialize_decision

        output.print_json(serialize_decision(decision))
    else:
        typer.echo(output.format_decision(decision))
        if why:
            typer.echo(why, err=True)
        if decision.liveness.level == "off":
            typer.echo("Liveness was not checked: a printed photo could pass", err=True)
    raise typer.Exit(0 if decision.accepted else 1)
