"""Run `watch`: decide attempt after attempt before a camera, or follow everybody in view."""

from __future__ import annotations

import shlex
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import door_options, options, output, watch_everybody
from onlyme.cli.complete import complete_camera, complete_person
from onlyme.cli.recording import start_recording
from onlyme.types import checked_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onlyme import FaceID
    from onlyme.cli.recording import Recording
    from onlyme.types import AttentionLevel, Decision, LivenessLevel

__all__ = ["register"]

_Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        help="The person's name; leave it out with --everybody.",
        show_default=False,
        autocompletion=complete_person,
    ),
]
_Video = Annotated[
    Path | None,
    typer.Argument(metavar="VIDEO", help="A video instead of a camera.", show_default=False),
]
_Camera = Annotated[
    list[str] | None,
    typer.Option(
        "--camera",
        metavar="N",
        help="A camera's number, path or name; by default 0.",
        show_default=False,
        autocompletion=complete_camera,
    ),
]
_Everybody = Annotated[
    bool, typer.Option("--everybody", help="Report all people who come and go, with names.")
]
_OnAccept = Annotated[
    str | None,
    typer.Option(
        "--on-accept",
        metavar="CMD",
        help="Run this program once for each accepted attempt, without a shell; with "
        "--everybody once for each visit, which is then counted.",
        show_default=False,
    ),
]
_OnKnown = Annotated[
    str | None,
    typer.Option(
        "--on-known",
        metavar="CMD",
        help="With --everybody: run this program when a person is recognised. It gets JSON on "
        "its standard input, and should open nothing.",
        show_default=False,
    ),
]
_OnUnknown = Annotated[
    str | None,
    typer.Option(
        "--on-unknown",
        metavar="CMD",
        help="With --everybody: run this program when a person is not enrolled.",
        show_default=False,
    ),
]
_Webhook = Annotated[
    list[str] | None,
    typer.Option(
        "--webhook",
        metavar="URL",
        help="With --everybody: send each event there, signed, until it arrives. May be repeated.",
        show_default=False,
    ),
]
_WebhookPrivate = Annotated[
    bool, typer.Option("--webhook-private", help="Webhooks may be inside the network.")
]
_NoEvents = Annotated[bool, typer.Option("--no-events", help="With --everybody: store no events.")]
_Record = Annotated[
    Path | None,
    typer.Option(
        "--record",
        metavar="OUT",
        help="Save what was seen as a video, with faces and verdicts drawn in: out.mp4.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(watch)


def watch(
    name: _Name = None,
    video: _Video = None,
    *,
    camera: _Camera = None,
    everybody: _Everybody = False,
    liveness: options.Levels = None,
    attention: options.Attention = None,
    on_accept: _OnAccept = None,
    on_known: _OnKnown = None,
    on_unknown: _OnUnknown = None,
    webhook: _Webhook = None,
    webhook_private: _WebhookPrivate = False,
    mqtt: door_options.Mqtt = None,
    mqtt_names: door_options.MqttNames = False,
    mqtt_ca: door_options.MqttCa = None,
    no_events: _NoEvents = False,
    record: _Record = None,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Watch a camera or a video, and print when the verdict changes. Ctrl-C ends it.

    With --json, one JSON document a line, one for each change.
    """
    if everybody and (attention is not None or record is not None):
        raise typer.BadParameter("--attention and --record are for one person; name one")
    if everybody and name is not None and video is None:
        video = Path(name)  # the only argument
    sources = _list_sources(video, camera)
    broker = door_options.parse_broker(mqtt, names=mqtt_names, ca=mqtt_ca)
    command = _split_command(on_accept, "--on-accept")
    if everybody:
        known = _split_command(on_known, "--on-known")
        unknown = _split_command(on_unknown, "--on-unknown")
        programs = watch_everybody.Programs(command, known, unknown)
        hooks = tuple(webhook or ())
        told = watch_everybody.Reporting(not no_events, hooks, webhook_private, broker)
        levels = liveness or []
        watch_everybody.watch_everybody(sources, levels, programs, told, embedder, vault, json=json)
    if on_known is not None or on_unknown is not None or webhook or broker is not None:
        raise typer.BadParameter("--on-known, --on-unknown, --webhook and --mqtt need --everybody")
    if name is None:
        raise typer.BadParameter("give the name of a person, or --everybody", param_hint="NAME")
    if len(sources) > 1 or len(liveness or []) > 1:
        raise typer.BadParameter("several cameras need --everybody", param_hint="--camera")
    name, level = checked_name(name), options.choose_level(liveness[0] if liveness else None)
    with (
        options.open_face_id(vault, embedder, lasting=True) as face_id,
        start_recording(record) as recording,
    ):
        if options.asks_for_attention(attention):
            output.print_unknown_eyes(face_id, name)
        decisions = _watch_person(face_id, name, sources[0], level, attention, recording)
        accepted = _report_decisions(decisions, command, json=json)
    raise typer.Exit(0 if accepted else 1)


def _list_sources(video: Path | None, cameras: list[str] | None) -> list[str | int | Path]:
    """Return what to watch: a video or cameras, by default the first camera."""
    if video is not None and cameras:
        raise typer.BadParameter("give a video or --camera N, not both", param_hint="VIDEO")
    return [video] if video is not None else [*map(options.parse_source, cameras or ["0"])]


def _watch_person(
    face_id: FaceID,
    name: str,
    source: str | int | Path,
    level: LivenessLevel,
    attention: AttentionLevel | None,
    recording: Recording,
) -> Iterator[Decision]:
    """Yield the decisions about one person; what is seen goes into the recording."""
    decisions = face_id.watch(
        name,
        source,
        liveness=level,
        attention=attention,
        ask=output.ask,
        on_observation=recording.add,
    )
    yield from map(recording.note, decisions)


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
            watch_everybody.run_accepted(command, decision)
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
