"""`evaluate-liveness`, `spoof-me`: how well photos and screens are told from people."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output
from onlyme.types import LivenessLevel

if TYPE_CHECKING:
    from onlyme.types import Decision

__all__ = ["register"]

_STAGES = (
    ("live", "Look into the camera yourself, as you would to unlock."),
    ("phone", "Show the camera a photo or video of yourself on your phone, bright and large."),
    ("print", "Show the camera a printed photo of yourself; flat, then bent around a face."),
)


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command(name="evaluate-liveness")(evaluate_liveness)
    app.command(name="spoof-me")(spoof_me)


def evaluate_liveness(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Holds a folder for each kind: live, print, replay … In these every picture, "
            "video or folder of frames is one presentation.",
            show_default=False,
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Write liveness.html and .json here.", show_default=False
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Count how often attacks pass and people do not, kind by kind (ISO/IEC 30107-3)."""
    from datetime import UTC, datetime

    from onlyme.evaluate.pad import LivenessStudy, format_liveness_json, render_liveness_html
    from onlyme.evaluate.presentations import judge_presentation, walk_presentations

    study = LivenessStudy()
    for kind, path in walk_presentations(folder):
        answer, why = judge_presentation(path)
        study.add(kind, answer, str(path.relative_to(folder)))
        if why:
            typer.echo(f"no answer: {why}", err=True)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    document = study.make_document(created=created, title=folder.name)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "liveness.json").write_text(format_liveness_json(document), "utf-8")
        (out / "liveness.html").write_text(render_liveness_html(document), "utf-8")
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
        str, typer.Option("--camera", metavar="N", help="A camera's number or path.")
    ] = "0",
    attempts: Annotated[int, typer.Option(min=1, help="Attempts at each stage.")] = 5,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Try to fool your own camera with your own phone and print, and see what would open.

    Exit code 1 when something but you would have opened. Nothing is unlocked or kept.
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
        typer.secho(
            "\nA picture of you opened. Ask for a challenge: --liveness challenge", fg="red"
        )
    else:
        few = f"{attempts} attempts of each kind are few; try several photos and lights"
        typer.echo(f"\nNothing but you would have opened. {few}.")
    raise typer.Exit(1 if fooled else 0)


def _count_outcomes(stage: str, decisions: list[Decision]) -> dict[str, object]:
    known = [d for d in decisions if d.margin is not None and d.alpha is not None]
    return {
        "stage": stage,
        "attempts": len(decisions),
        "recognised": sum((d.margin or 0.0) >= (d.alpha or 0.0) for d in known),
        "opened": sum(d.accepted for d in decisions),
        "reasons": sorted({str(d.reason) for d in decisions}),
        "scores": [d.liveness.score for d in decisions],
    }


def _format_stage(entry: dict[str, object]) -> str:
    said = f"{entry['attempts']} attempts, {entry['recognised']} recognised as you"
    return f"  {entry['stage']:<6} {said}, {entry['opened']} would have opened"
