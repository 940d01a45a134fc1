"""Run `evaluate-liveness`: measure how well attacks are told from people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.lines import say

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="evaluate-liveness")(evaluate_liveness)


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
            say(f"no verdict: {problem}", err=True)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    document = study.make_document(created=created, title=folder.name)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_output(out / "liveness.json", format_liveness_json(document).encode())
        write_output(out / "liveness.html", render_liveness_html(document).encode())
        say(f"written: {out / 'liveness.html'}, {out / 'liveness.json'}", err=True)
    if json:
        output.print_json(document)
        return
    say(document["headline"], bold=True)
    for tally in [*study.attacks, *([study.bona_fide] if study.bona_fide else [])]:
        say(f"  {tally.format_line()}")
    if study.acer is not None:
        say(f"  ACER {100 * study.acer:.1f} %")
