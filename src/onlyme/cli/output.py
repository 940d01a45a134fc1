"""Answers as a person reads them, and as JSON."""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import typer

from onlyme.faceid.serialize import dump_json, serialize_decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onlyme.gallery.gallery import GalleryPerson
    from onlyme.siamese.owner import Owner
    from onlyme.types import Decision, Enrollment, Face, PhotoReport, Tuning

__all__ = [
    "ask",
    "draw_histograms",
    "drop_output",
    "format_box",
    "format_decision",
    "format_odds",
    "format_owner",
    "format_person",
    "format_photo",
    "print_change",
    "print_enrollment",
    "print_json",
    "print_tuning",
]

_BARS = " ▁▂▃▄▅▆▇█"

_WORDS = {
    "no_face": "no face in the picture",
    "many_faces": "several faces of like size; show one person",
    "poor_quality": "the picture is too poor to decide",
    "ambiguous": "more than one person matches",
    "locked_out": "too many failed attempts; wait, or use the password (`onlyme status`)",
    "not_live": "a photo or a screen, not a person",
    "liveness_undecided": "it is not clear that a person is there; face the camera in good light",
}


def drop_output() -> None:
    """Discard what stdout could not take: Python would try again at its end, and exit with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    typer.echo(dump_json(document))


def format_odds(far: float | None) -> str:
    """Say a false accept rate in words.

    >>> format_odds(1e-4)
    'a stranger passes about once in 10,000 tries'
    >>> format_odds(None)
    'no promise: this network is not calibrated'
    """
    if far is None:
        return "no promise: this network is not calibrated"
    if far > 0.5:
        return "almost every stranger passes"
    once = 1 / far if far > 0 else float("inf")
    if once > 1e7:
        return "a stranger passes less than once in 10,000,000 tries"
    digits = len(str(int(once))) - 2
    return f"a stranger passes about once in {round(once, -digits):,.0f} tries"


def format_decision(decision: Decision) -> str:
    """Say a decision in one line, coloured where the terminal has colours."""
    name = decision.name or "nobody"
    if decision.accepted:
        verdict = typer.style(f"✓ {name}", fg="green", bold=True)
    elif decision.name and decision.reason == "no_match":
        verdict = typer.style(f"✗ NOT {name}", fg="red", bold=True)
    elif decision.reason == "no_match":
        verdict = typer.style("✗ nobody who is enrolled", fg="red", bold=True)
    else:
        verdict = typer.style(
            f"✗ {_WORDS.get(decision.reason, decision.reason)}", fg="yellow", bold=True
        )
    if decision.margin is None or decision.alpha is None:
        return verdict
    sign = "≥" if decision.margin >= decision.alpha else "<"
    numbers = f"margin {decision.margin:+.3f} {sign} alpha {decision.alpha:+.3f}"
    return f"{verdict}   {numbers}   ({format_odds(decision.far)})"


def format_box(face: Face) -> str:
    """Say where in the picture a face is: left, top, width and height in pixels."""
    left, top, width, height = (round(float(value)) for value in face.box)
    return f"{width}×{height} at {left},{top}"


def print_change(decision: Decision, rate: float, *, json: bool) -> None:
    """Print a verdict that differs from the one before, with the frame rate so far."""
    if json:
        document = serialize_decision(decision) | {"frames_per_second": round(rate, 1)}
        typer.echo(dump_json(document, indent=None))
    else:
        typer.echo(f"{format_decision(decision)}   {rate:.0f} frames/s")


def ask(arrow: str, words: str) -> None:
    """Show the person what to do next."""
    typer.secho(f"  {arrow}  {words}", bold=True, err=True)


def format_photo(report: PhotoReport) -> str:
    """Say in one line what became of a photo."""
    mark = typer.style("✓", fg="green") if report.taken else typer.style("✗", fg="red")
    return f"  {mark} {report.source}" + (f": {report.note}" if report.note else "")


def print_enrollment(enrollment: Enrollment) -> None:
    """Say what learning a person came to."""
    photos = f"{enrollment.taken} of {len(enrollment.me)} photos"
    learned = f"{enrollment.name} is learned from {photos}, in {enrollment.seconds:.1f} s"
    typer.secho(learned, bold=True)
    typer.echo(f"alpha {enrollment.alpha:+.3f}: {format_odds(enrollment.far)}")
    for note in enrollment.notes:
        typer.echo(f"note: {note}")
    for sentence in enrollment.advice:
        typer.echo(f"tip:  {sentence}")


def print_tuning(tuning: Tuning) -> None:
    """Say where alpha stands, and what it is expected to cost."""
    before = f"{tuning.alpha_before:+.3f} → " if tuning.alpha_before != tuning.alpha else ""
    typer.echo(f"alpha {before}{tuning.alpha:+.3f}: {format_odds(tuning.far)}")
    if tuning.miss is not None and tuning.miss_interval is not None:
        low, high = tuning.miss_interval
        typer.echo(
            f"expected misses: {tuning.miss:.2%} ({low:.2%} to {high:.2%}), "
            f"as measured on {tuning.miss_people} other people"
        )


def draw_histograms(
    own: Sequence[float], strangers: Sequence[float], alpha: float, width: int = 64
) -> str:
    """Draw the owner's and the strangers' margins on one scale, and where alpha stands.

    >>> print(draw_histograms([0.5, 0.6], [-0.2, -0.2, -0.1, 0.0], 0.2, width=12))
    ME        |      |   ██|
    NOT_ME    |█▄ ▄  |     |
               -0.20  +0.60
                     ↑ alpha +0.200
    """
    everything = [*own, *strangers, alpha]
    low, high = min(everything), max(everything)

    def find_column(value: float) -> int:
        return min(width - 1, int((value - low) / (high - low or 1) * width))

    def draw_row(title: str, values: Sequence[float]) -> str:
        counts = Counter(map(find_column, values))
        most = max(counts.values(), default=1)
        bars = [_BARS[-(-counts[at] * (len(_BARS) - 1) // most)] for at in range(width)]
        if bars[find_column(alpha)] == " ":
            bars[find_column(alpha)] = "|"
        return f"{title:<10}|{''.join(bars)}|"

    mark = " " * (11 + find_column(alpha)) + f"↑ alpha {alpha:+.3f}"
    ends = f"{'':<11}{low:<+{width - 5}.2f}{high:+.2f}"
    return "\n".join([draw_row("ME", own), draw_row("NOT_ME", strangers), ends, mark])


def format_person(person: GalleryPerson) -> str:
    """Say in one line what is kept of somebody in the gallery."""
    photos = f"{len(person.me)} photos"
    when = f"{person.created:%Y-%m-%d %H:%M} UTC"
    return f"{person.name:<20} {photos:<10} in the gallery  {when}"


def format_owner(owner: Owner) -> str:
    """Say in one line what is kept of a person."""
    photos = f"{len(owner.examples.me)} photos"
    when = f"{owner.created:%Y-%m-%d %H:%M} UTC"
    alpha = f"alpha {owner.alpha:+.3f}"
    return f"{owner.name:<20} {photos:<10} {alpha}   {when}   ({format_odds(owner.far)})"
