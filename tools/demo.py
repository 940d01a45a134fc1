#!/usr/bin/env python3
"""Show the main job on real photos: learn one person, then tell them from others.

    tools/demo.py [--out FOLDER]

Prints what onlyme decided about each photo and draws the same as a picture.
Exit code 0 when every verdict is right.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import demo_picture
from rich.console import Console
from rich.table import Table

from onlyme import Decision, FaceID
from onlyme.charts import describe_set_rate

HERE = Path(__file__).resolve().parent
ME = "Barack Obama"
LEARN = ("obama_1.jpg", "obama_2.jpg", "obama_4.jpg")
TRY = (
    ("obama_3.jpg", ME),
    ("obama_partial.jpg", ME),
    ("biden_1.jpg", "Joe Biden"),
    ("macron_2.jpg", "Emmanuel Macron"),
    ("ardern_2.jpg", "Jacinda Ardern"),
    ("sunak_1.jpg", "Rishi Sunak"),
)


@dataclass(frozen=True)
class Trial:
    """One photo, the person it shows, and what onlyme decided."""

    photo: Path
    person: str
    decision: Decision

    @property
    def right(self) -> bool:
        return self.decision.accepted == (self.person == ME)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE.parent / "demo-out", metavar="FOLDER")
    out = parser.parse_args().out
    console = Console()

    fetched = subprocess.run(
        [sys.executable, str(HERE / "fetch_photos.py")],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    photos = Path(fetched.stdout.strip())

    with tempfile.TemporaryDirectory() as vault, FaceID.open(Path(vault) / "vault") as face_id:
        start = perf_counter()
        enrollment = face_id.enroll(ME, [photos / name for name in LEARN])
        seconds = perf_counter() - start
        trials = [
            Trial(photos / name, person, face_id.verify(ME, photos / name)) for name, person in TRY
        ]
        faces = demo_picture.faces(face_id.pipeline, [photos / name for name in LEARN])
        pictures = demo_picture.faces(face_id.pipeline, [trial.photo for trial in trials])

    learned = f"from {enrollment.taken} photos in [bold]{seconds:.2f} s[/]"
    console.print(f"\n[bold]onlyme[/] learned [bold]{ME}[/] {learned}.")
    console.print(
        f"A face needs a margin of {enrollment.alpha:+.2f}: {describe_set_rate(enrollment.far)}.\n"
    )
    console.print(make_table(trials, enrollment.alpha))
    out.mkdir(parents=True, exist_ok=True)
    picture = out / "verdicts.png"
    shown = [
        demo_picture.Card(face, trial.person, trial.decision.accepted, trial.decision.margin)
        for face, trial in zip(pictures, trials, strict=True)
    ]
    demo_picture.draw(ME, faces, shown, enrollment.alpha, seconds).save(picture)
    wrong = [trial for trial in trials if not trial.right]
    right = len(trials) - len(wrong)
    console.print(
        f"[bold]{right} of {len(trials)} verdicts are right.[/] The same as a picture: {picture}"
    )
    console.print(f"[dim]Photos of public people; credits in {photos / 'CREDITS.md'}[/]\n")
    return 1 if wrong else 0


def make_table(trials: list[Trial], alpha: float) -> Table:
    """Make a table with one row for each photo."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("photo of", "onlyme says", "margin"):
        made.add_column(column, justify="right" if column == "margin" else "left", no_wrap=True)
    made.add_column(f" NOT_ME ← {alpha:+.2f} → ME", no_wrap=True)
    for trial in trials:
        decision = trial.decision
        verdict = f"[bold green]✓ {ME}[/]" if decision.accepted else f"[bold red]✗ NOT {ME}[/]"
        margin = decision.margin
        if margin is None:
            verdict, shown, bar = f"[yellow]✗ {decision.reason}[/]", "", ""
        else:
            shown, bar = f"{margin:+.2f}", draw_meter(margin - alpha)
        made.add_row(trial.person, verdict, shown, bar)
    return made


def draw_meter(above: float, width: int = 12, reach: float = 0.7) -> str:
    """Draw how far a margin is above or below alpha."""
    length = min(width, max(1, round(abs(above) / reach * width)))
    if above >= 0:
        return " " * width + "│[green]" + "█" * length + "[/]"
    return " " * (width - length) + "[red]" + "█" * length + "[/]│"


if __name__ == "__main__":
    sys.exit(main())
