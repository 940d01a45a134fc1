"""Run `spoof-me`, the game of fooling your own camera."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_camera
from onlyme.cli.lines import say
from onlyme.types import LivenessLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onlyme.types import Decision

__all__ = ["register"]

_METER_CELLS = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="spoof-me")(spoof_me)


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
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Write the score card here: spoof-me.png and spoof-me.json.",
            show_default=False,
        ),
    ] = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Try to fool your own camera with screens, prints and masks, and see what passes.

    Exit code 1 when anything but you would have opened. Nothing is unlocked or stored.
    """
    from datetime import UTC, datetime

    from onlyme.evaluate.score_card import ATTACKS, LIVE, count_outcomes, make_score_card

    stages = []
    with options.open_face_id(vault) as face_id:
        face_id.find_owner(name)
        for number, attack in enumerate(ATTACKS, start=1):
            say(f"\n{number} of {len(ATTACKS)}: {attack.words}", bold=True, err=True)
            answer = typer.prompt(
                "Press Enter when ready, or s to skip", default="", show_default=False, err=True
            )
            decisions: list[Decision] = []
            if answer.strip().lower() != "s":
                watching = face_id.watch(
                    name, options.parse_source(camera), liveness=LivenessLevel.PASSIVE
                )
                decisions = list(_show_meter(islice(watching, attempts)))
            stages.append(count_outcomes(attack.stage, decisions))
            say(_format_stage(stages[-1]), err=json)
    card = make_score_card(name, stages, datetime.now(UTC).isoformat(timespec="seconds"))
    if out is not None:
        _write_card(card, out)
    tried = [entry for entry in stages if entry["stage"] != LIVE and entry["attempts"]]
    if json:
        output.print_json(card)
    elif card["fooled"]:
        say("\nA picture of you would have opened. Use --liveness challenge.", fg="red")
    elif not tried:
        say("\nNo attack was tried.")
    else:
        few = f"{output.format_count(attempts, 'attempt')} of each kind prove little"
        say(f"\nNothing but you would have opened. {few}: try several photos and lights.")
    raise typer.Exit(1 if card["fooled"] else 0)


def _show_meter(decisions: Iterable[Decision]) -> Iterator[Decision]:
    """Pass decisions on, and show each one's score of liveness as a meter."""
    for decision in decisions:
        score = decision.liveness.score
        filled = round(_METER_CELLS * (score or 0.0))
        bar = "█" * filled + "░" * (_METER_CELLS - filled)
        verdict = decision.liveness.verdict or decision.reason
        shown = "no score" if score is None else f"{score:.2f} {verdict}"
        answer = "would open" if decision.accepted else f"stays shut ({decision.reason})"
        say(f"  {bar} {shown}, {answer}", fg="red" if decision.accepted else None, err=True)
        yield decision


def _write_card(card: dict[str, object], folder: Path) -> None:
    import io
    import json

    from PIL import Image

    from onlyme.evaluate.score_card import draw_score_card
    from onlyme.storage.files import write_output

    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_output(folder / "spoof-me.json", text.encode())
    coded = io.BytesIO()
    Image.fromarray(draw_score_card(card)).save(coded, "PNG")
    write_output(folder / "spoof-me.png", coded.getvalue())
    written = f"{folder / 'spoof-me.png'}, {folder / 'spoof-me.json'}"
    say(f"written: {written}", err=True)


def _format_stage(entry: dict[str, object]) -> str:
    if not entry["attempts"]:
        return f"  {entry['stage']:<6} not tried"
    counts = f"attempts: {entry['attempts']}, recognised as you: {entry['recognised']}"
    return f"  {entry['stage']:<6} {counts}, would have opened: {entry['opened']}"
