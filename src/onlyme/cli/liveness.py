"""Run `evaluate-liveness` and `spoof-me`: test how well attacks are told from people."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_camera
from onlyme.types import LivenessLevel

if TYPE_CHECKING:
    from onlyme.types import Decision

__all__ = ["register"]

_STAGES = (
    ("live", "Look into the camera yourself, as you would to unlock."),
    ("phone", "Show the camera a photo or video of yourself on your phone, bright and large."),
    ("print", "Show the camera a printed photo of yourself, flat, then bent around your face."),
)


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command(name="evaluate-liveness")(evaluate_liveness)
    app.command(name="spoof-me")(spoof_me)


def evaluate_liveness(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A folder with one folder for each kind: live, print, replay … In these, each "
            "picture, video or folder of frames is one presentation.",
            show_default=False,
        ),
    ],
    *,
    frame_rate: Annotated[
        float | None,
        typer.Option(
            "--frame-rate",
            metavar="N",
            min=0.1,
            help="Frames a second in folders of frames; a video says it itself.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Write liveness.html and .json here.", show_default=False
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Count for each kind how often attacks pass and people fail (ISO/IEC 30107-3)."""
    from datetime import UTC, datetime

    from onlyme import check_liveness
    from onlyme.evaluate.pad import LivenessStudy, format_liveness_json, render_liveness_html
    from onlyme.evaluate.presentations import judge_presentation, walk_presentations
    from onlyme.storage.files import write_output

    study = LivenessStudy()
    for kind, path in walk_presentations(folder):
        verdict, problem = judge_presentation(path, check_liveness, frame_rate)
        study.add(kind, verdict, str(path.relative_to(folder)))
        if problem:
            typer.echo(f"no verdict: {problem}", err=True)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    document = study.make_document(created=created, title=folder.name)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_output(out / "liveness.json", format_liveness_json(document).encode())
        write_output(out / "liveness.html", render_liveness_html(document).encode())
        typer.echo(f"written: {out / 'liveness.html'}, {out / 'liveness.json'}", err=True)
    if json:
        output.print_json(document)
        return
    typer.secho(document["headline"], bold=True)
    for tally in [*study.attacks, *([study.bona_fide] if study.bona_fide else [])]:
        typer.echo(f"  {tally.format_line()}")
    if study.acer is not None:
        typer.echo(f"  ACER {100 * study.acer:.1f} %")


def spoof_me(
    name: options.Name,
    *,
    camera: Annotated[
        str,
        typer.Option(
            "--camera",
            metavar="N",
            help="A camera's number or path.",
            autocompletion=complete_camera,
        ),
    ] = "0",
    attempts: Annotated[int, typer.Option(min=1, help="Attempts at each stage.")] = 5,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Try to fool your own camera with your phone and a printed photo, and see what passes.

    Exit code 1 when anything but you would have opened. Nothing is unlocked or stored.
    """
    stages = []
    with options.open_face_id(vault) as face_id:
        face_id.owner(name)
        for stage, words in _STAGES:
            typer.secho(f"\n{words}", bold=True, err=True)
            typer.prompt("Press Enter when ready", default="", show_default=False, err=True)
            watching = face_id.watch(
                name, options.parse_source(camera), liveness=LivenessLevel.PASSIVE
            )
            stages.append(_count_outcomes(stage, list(islice(watching, attempts))))
            typer.echo(_format_stage(stages[-1]), err=json)
    fooled = any(entry["opened"] for entry in stages if entry["stage"] != "live")
    if json:
        output.print_json({"name": name, "stages": stages, "fooled": fooled})
    elif fooled:
        typer.secho("\nA picture of you would have opened. Use --liveness challenge.", fg="red")
    else:
        few = f"{output.format_count(attempts, 'attempt')} of each kind prove little"
        typer.echo(f"\nNothing but you would have opened. {few}: try several photos and lights.")
    raise typer.Exit(1 if fooled else 0)


def _count_outcomes(stage: str, decisions: list[Decision]) -> dict[str, object]:
    measured = [d for d in decisions if d.margin is not None and d.alpha is not None]
    return {
        "stage": stage,
        "attempts": len(decisions),
        "recognised": sum((d.margin or 0.0) >= (d.alpha or 0.0) for d in measured),
        "opened": sum(d.accepted for d in decisions),
        "reasons": sorted({str(d.reason) for d in decisions}),
        "scores": [d.liveness.score for d in decisions],
    }


def _format_stage(entry: dict[str, object]) -> str:
    counts = f"attempts: {entry['attempts']}, recognised as you: {entry['recognised']}"
    return f"  {entry['stage']:<6} {counts}, would have opened: {entry['opened']}"
