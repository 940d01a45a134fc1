"""Make the score card of a game in which people try to fool a camera.

A card holds counts, rates and words, and no picture of anybody: people show it to others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onlyme.charts import format_percent, make_rate
from onlyme.draw import ACCEPTED, NEUTRAL, REJECTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onlyme.types import Decision

__all__ = [
    "ATTACKS",
    "LIVE",
    "SCHEMA",
    "Attack",
    "count_outcomes",
    "draw_score_card",
    "make_score_card",
]

SCHEMA: Final = "onlyme.spoof-me/1"
"""The name of the card's JSON document."""
LIVE: Final = "live"
"""The stage in which the owner looks into the camera."""

_SIZE: Final = (1000, 620)
_INK, _PAPER, _FAINT = (28, 28, 30), (250, 249, 246), (222, 220, 214)


@dataclass(frozen=True, slots=True)
class Attack:
    """One stage of the game.

    Attributes:
        stage: its name in JSON.
        title: what the card calls it.
        words: what the person should do.
    """

    stage: str
    title: str
    words: str


ATTACKS: Final = (
    Attack(LIVE, "You", "Look into the camera yourself, as you would to unlock."),
    Attack(
        "phone", "Phone", "Show the camera a photo of yourself on your phone, bright and large."
    ),
    Attack("tablet", "Tablet", "Show a photo of yourself on a tablet, so that it fills the view."),
    Attack("laptop", "Laptop", "Show a photo of yourself on another computer's screen."),
    Attack("print", "Print", "Show a printed photo of yourself, flat, then bent around your face."),
    Attack("mask", "Paper mask", "Cut holes for eyes and mouth into a print, and wear it."),
    Attack(
        "video", "Video of you", "Play a video of yourself, in which you blink and turn, close up."
    ),
)
"""The stages in their order; the first one is no attack."""


def count_outcomes(stage: str, decisions: Sequence[Decision]) -> dict[str, Any]:
    """Count how the attempts of one stage ended; a rate comes with its exact 95 % interval."""
    measured = [d for d in decisions if d.margin is not None and d.alpha is not None]
    opened = sum(d.accepted for d in decisions)
    return {
        "stage": stage,
        "attempts": len(decisions),
        "recognised": sum((d.margin or 0.0) >= (d.alpha or 0.0) for d in measured),
        "opened": opened,
        "rate": make_rate(opened, len(decisions)).to_dict(),
        "reasons": sorted({str(d.reason) for d in decisions}),
        "scores": [d.liveness.score for d in decisions],
    }


def make_score_card(name: str, stages: Sequence[dict[str, Any]], created: str) -> dict[str, Any]:
    """Return the card as plain numbers and texts.

    Args:
        name: the owner's.
        stages: one result of `count_outcomes` for each stage that was played.
        created: when, in ISO 8601.
    """
    attacks = [entry for entry in stages if entry["stage"] != LIVE]
    tried = sum(entry["attempts"] for entry in attacks)
    opened = sum(entry["opened"] for entry in attacks)
    return {
        "schema": SCHEMA,
        "created": created,
        "name": name,
        "stages": list(stages),
        "attacks": make_rate(opened, tried).to_dict(),
        "fooled": opened > 0,
    }


def draw_score_card(card: dict[str, Any]) -> NDArray[np.uint8]:
    """Draw a card, without the owner's name.

    For each stage the bar is the share of attempts that would have opened, and the thin line its
    95 % interval. Green is what should be: the owner opens, and an attack does not.

    Returns:
        uint8[620, 1000, 3], RGB.
    """
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", _SIZE, _PAPER)
    pen = ImageDraw.Draw(picture)
    large, plain, small = (ImageFont.load_default(size) for size in (40, 22, 17))
    title = "The camera was fooled" if card["fooled"] else "Nothing but the owner opened"
    pen.text((40, 30), title, _INK, font=large)
    pen.text((40, 84), "onlyme spoof-me, " + card["created"][:10], _INK, font=small)
    titles = {attack.stage: attack.title for attack in ATTACKS}
    left, right = 190, 620
    for number, entry in enumerate(card["stages"]):
        top, rate = 130 + 56 * number, entry["rate"]
        pen.text((40, top), titles[entry["stage"]], _INK, font=plain)
        pen.rectangle((left, top + 4, right, top + 26), fill=_FAINT)
        if not entry["attempts"]:
            pen.text((right + 20, top), "not tried", _INK, font=plain)
            continue
        is_good = (rate["value"] > 0) is (entry["stage"] == LIVE)
        at = [left + (right - left) * rate[key] for key in ("value", "low", "high")]
        pen.rectangle(
            (left, top + 4, max(left + 3, at[0]), top + 26), ACCEPTED if is_good else REJECTED
        )
        pen.line((at[1], top + 32, at[2], top + 32), NEUTRAL, width=4)
        pen.text((right + 20, top), _describe(entry), _INK, font=plain)
    pen.text((40, 545), _sum_up(card), _INK, font=plain)
    pen.text(
        (40, 580),
        "Bar: attempts that would have opened. Line: exact 95 % interval. Few prove little.",
        _INK,
        font=small,
    )
    return np.asarray(picture, np.uint8)


def _describe(entry: dict[str, Any]) -> str:
    low, high = (format_percent(entry["rate"][key]) for key in ("low", "high"))
    return f"{entry['opened']} of {entry['attempts']} ({low} to {high})"


def _sum_up(card: dict[str, Any]) -> str:
    rate = card["attacks"]
    if not rate["total"]:
        return "No attack was tried."
    high = format_percent(rate["high"])
    return f"Attacks that would have opened: {rate['count']} of {rate['total']} (at most {high})"
