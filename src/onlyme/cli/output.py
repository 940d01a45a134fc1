"""Print answers as a person reads them, and as JSON."""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import typer

from onlyme.cli.lines import say, wrap_text
from onlyme.cli.streams import escape_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from onlyme import FaceID
    from onlyme.gallery.gallery import GalleryPerson
    from onlyme.siamese.owner import Owner
    from onlyme.types import (
        Decision,
        Enrollment,
        Face,
        IdentityCandidate,
        Lesson,
        PhotoReport,
        Tuning,
    )

__all__ = [
    "ask",
    "ask_for_head_turns",
    "draw_histograms",
    "drop_output",
    "format_box",
    "format_count",
    "format_decision",
    "format_owner",
    "format_person",
    "format_photo",
    "print_adaptation",
    "print_candidates",
    "print_certificate",
    "print_change",
    "print_enrollment",
    "print_forgotten",
    "print_imported",
    "print_json",
    "print_lesson",
    "print_notes",
    "print_revoked",
    "print_tuning",
    "print_unknown_eyes",
]

_BARS = " ▁▂▃▄▅▆▇█"

_REASONS = {
    "no_face": "no face in the picture",
    "many_faces": "several faces of similar size; show one person only",
    "poor_quality": "the picture is too poor to decide",
    "ambiguous": "more than one enrolled person matches",
    "locked_out": (
        "too many failed attempts; wait (`onlyme status` says how long), or use the password"
    ),
    "not_live": "a photo or a screen, not a living person",
    "liveness_undecided": (
        "not clear whether a living person is there; face the camera in good light"
    ),
    "not_attentive": (
        "the eyes are closed or the face is turned away; open your eyes and look at the camera"
    ),
    "attention_undecided": (
        "the eyes cannot be seen; take off dark glasses, avoid glare or come closer"
    ),
    "no_gesture": "the movement that was asked for was not seen",
}


def drop_output() -> None:
    """Discard what stdout could not take: Python would try again at its end, and exit with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(document: Any, indent: int | None = 2) -> None:
    """Print one JSON document on stdout."""
    from onlyme.faceid.serialize import dump_json

    typer.echo(escape_json(dump_json(document, indent=indent)))


# ------------------------------------------------------------------ words for values


def format_count(count: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun.

    >>> format_count(1, "photo"), format_count(4711, "person", "people")
    ('1 photo', '4,711 people')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def format_decision(decision: Decision) -> str:
    """Say a decision in one line, coloured where the terminal has colours."""
    if decision.accepted:
        verdict = typer.style(f"✓ {decision.name}", fg="green", bold=True)
    elif decision.reason == "no_match":
        name = f"NOT {decision.name}" if decision.name else "no enrolled person"
        verdict = typer.style(f"✗ {name}", fg="red", bold=True)
    else:
        verdict = typer.style(f"✗ {_explain_reason(decision)}", fg="yellow", bold=True)
    if decision.margin is None or decision.alpha is None:
        return verdict
    sign = "≥" if decision.margin >= decision.alpha else "<"
    numbers = f"margin {decision.margin:+.3f} {sign} alpha {decision.alpha:+.3f}"
    return f"{verdict}   {numbers}   {_describe_set_rate(decision.far)}"


def _explain_reason(decision: Decision) -> str:
    """Say why a decision is no; what liveness noted says more than the general advice."""
    words, note = _REASONS.get(decision.reason, str(decision.reason)), decision.liveness.note
    if not note or decision.reason not in ("not_live", "liveness_undecided"):
        return words
    return f"{words.partition(';')[0]}: {note}"


def format_box(face: Face) -> str:
    """Say where in the picture a face is: left, top, width and height in pixels."""
    left, top, width, height = (round(float(value)) for value in face.box)
    return f"{width}×{height} at {left},{top}"


def format_photo(report: PhotoReport) -> str:
    """Say in one line whether a photo was taken, and why not."""
    mark = typer.style("✓", fg="green") if report.taken else typer.style("✗", fg="red")
    return f"  {mark} {report.source}" + (f": {report.note}" if report.note else "")


def format_person(person: GalleryPerson) -> str:
    """Describe a person in the gallery in one line."""
    photos = format_count(len(person.me), "photo")
    when = f"{person.created:%Y-%m-%d %H:%M} UTC"
    return f"{person.name:<20} {photos:<10} in the gallery  {when}"


def format_owner(owner: Owner) -> str:
    """Describe an owner in the vault in one line."""
    photos = format_count(len(owner.examples.me), "photo")
    when = f"{owner.created:%Y-%m-%d %H:%M} UTC"
    alpha = f"alpha {owner.alpha:+.3f}"
    return f"{owner.name:<20} {photos:<10} {alpha}   {when}   {_describe_set_rate(owner.far)}"


def draw_histograms(
    own: Sequence[float], strangers: Sequence[float], alpha: float, width: int = 64
) -> str:
    """Draw the owner's and the strangers' margins and alpha on one scale.

    >>> print(draw_histograms([0.5, 0.6], [-0.2, -0.2, -0.1, 0.0], 0.2, width=12))
    ME        |      |   ██|
    NOT_ME    |█▄ ▄  |     |
               -0.20  +0.60
                     ↑ alpha +0.200
    """
    values = [*own, *strangers, alpha]
    low, high = min(values), max(values)

    def find_column(value: float) -> int:
        return min(width - 1, int((value - low) / (high - low or 1) * width))

    def draw_row(title: str, margins: Sequence[float]) -> str:
        counts = Counter(map(find_column, margins))
        most = max(counts.values(), default=1)
        bars = [_BARS[-(-counts[at] * (len(_BARS) - 1) // most)] for at in range(width)]
        if bars[find_column(alpha)] == " ":
            bars[find_column(alpha)] = "|"
        return f"{title:<10}|{''.join(bars)}|"

    mark = " " * (11 + find_column(alpha)) + f"↑ alpha {alpha:+.3f}"
    ends = f"{'':<11}{low:<+{width - 5}.2f}{high:+.2f}"
    return "\n".join([draw_row("ME", own), draw_row("NOT_ME", strangers), ends, mark])


# -------------------------------------------------------------- while a camera is used


def ask(arrow: str, words: str) -> None:
    """Show the person what to do next."""
    say(f"  {arrow}  {words}", bold=True, err=True)


def ask_for_head_turns() -> None:
    """Show the person how to move while the camera takes pictures of them for enrolling."""
    say("Look at the camera, and turn your head slowly from side to side.", err=True)


def print_candidates(candidates: Iterable[IdentityCandidate]) -> None:
    """Print whom a face resembles, nearest first, before the verdict that counts."""
    for place, one in enumerate(candidates, 1):
        sign = "≥" if one.reached else "<"
        say(f"  {place:>3}. {one.name}  margin {one.margin:+.3f} {sign} {one.alpha:+.3f}")


def print_change(decision: Decision, rate: float, *, json: bool) -> None:
    """Print a verdict that differs from the previous one, with the frame rate so far."""
    if json:
        from onlyme.faceid.serialize import serialize_decision

        document = serialize_decision(decision) | {"frames_per_second": round(rate, 1)}
        print_json(document, indent=None)
    else:
        say(f"{format_decision(decision)}   {rate:.0f} frames/s")


# ------------------------------------- results that own vault and system vault share


def print_enrollment(enrollment: Enrollment) -> None:
    """Print the result of enrolling a person."""
    photos = f"{enrollment.taken} of {format_count(len(enrollment.me), 'photo')}"
    learned = f"{enrollment.name} is enrolled with {photos}, in {enrollment.seconds:.1f} s"
    say(learned, bold=True)
    say(f"alpha {enrollment.alpha:+.3f}: {_describe_set_rate(enrollment.far)}")
    _print_alike(enrollment.far_alike)
    for note in enrollment.notes:
        typer.echo(wrap_text(f"note: {note}"))
    for sentence in enrollment.advice:
        typer.echo(wrap_text(f"tip:  {sentence}"))


def print_tuning(tuning: Tuning) -> None:
    """Print alpha, and how often strangers and the person themselves will err by it."""
    before = f"{tuning.alpha_before:+.3f} → " if tuning.alpha_before != tuning.alpha else ""
    say(f"alpha {before}{tuning.alpha:+.3f}: {_describe_set_rate(tuning.far)}")
    _print_alike(tuning.far_alike)
    if tuning.miss is not None and tuning.miss_interval is not None:
        low, high = tuning.miss_interval
        people = format_count(tuning.miss_people, "other person", "other people")
        say(
            f"{tuning.name} is rejected by mistake in about {tuning.miss:.2%} of tries "
            f"(95 % interval {low:.2%} to {high:.2%}, measured on {people})"
        )


def _describe_set_rate(far: float | None) -> str:
    from onlyme.charts import describe_set_rate  # most commands print no rate

    return describe_set_rate(far)


def _print_alike(far_alike: float | None) -> None:
    """Say the second promise: about people who look like the owner."""
    if far_alike is None:
        return
    if far_alike > 0.5:
        say("someone who looks like the owner may pass at every try")
        return
    say(
        f"someone who looks like the owner passes at most about once in {1 / far_alike:,.0f} "
        "tries; a close relative more often (teach one with --not-me)"
    )


def print_lesson(lesson: Lesson) -> None:
    """Print what a `not-me` changed, or what taking it back changed."""
    say(f"that face:  margin {lesson.margin_before:+.3f} → {lesson.margin_after:+.3f}")
    say(f"alpha:      {lesson.alpha_before:+.3f} → {lesson.alpha_after:+.3f}")
    before, after = (sum(own) / len(own) for own in (lesson.own_before, lesson.own_after))
    say(f"own photos: margin {before:+.3f} → {after:+.3f} on average")
    lost = sum(
        then >= lesson.alpha_before and now < lesson.alpha_after
        for then, now in zip(lesson.own_before, lesson.own_after, strict=True)
    )
    if lost > 0:
        photos = format_count(lost, "own photo")
        say(f"note: {photos} would no longer pass; add photos, or use --undo")


def print_adaptation(name: str, *, consent: bool, learned: datetime | None, waiting: int) -> None:
    """Print whether a template follows its owner, and what it learned."""
    say(f"adaptation of {name} is {'on' if consent else 'off'}")
    when = f"{learned:%Y-%m-%d}" if learned else "never"
    say(f"last update: {when}; {format_count(waiting, 'good match', 'good matches')} waiting")


def print_certificate(title: str, sentences: Iterable[str]) -> None:
    """Print a certificate under its title."""
    say(title, bold=True)
    for sentence in sentences:
        typer.echo(wrap_text(sentence, indent="  "))


def print_revoked(name: str) -> None:
    """Print that stolen copies of a template no longer work."""
    say(f"{name} still works; copies stolen earlier do not")


def print_forgotten(name: str) -> None:
    """Print that a person was erased."""
    say(f"{name} is forgotten")


def print_notes(notes: Iterable[str]) -> None:
    """Print sentences about what was done only in part, beside the answer."""
    for note in notes:
        say(f"note: {note}", err=True)


def print_unknown_eyes(face_id: FaceID, name: str | None = None) -> None:
    """Print of each owner, or of one, that their open eyes are not known; the vault remembers it.

    Attention measures them by other people's until they enroll before a camera.
    """
    from onlyme.faceid.enrolled import collect_untold

    for one in collect_untold(face_id.admin.store, face_id.owner, name):
        say(
            f"note: the open eyes of {one} are not known yet, so attention (`onlyme watch "
            "--attention eyes`) measures them by other people's; to learn them, run "
            f"`onlyme enroll {one} --camera 0 --add`",
            err=True,
        )


def print_imported(name: str) -> None:
    """Print that an exported person was taken over."""
    say(f"{name} is enrolled")
