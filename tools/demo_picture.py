"""Draw faces with their verdicts, as one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme.face.pipeline import Pipeline

SCALE = 2  # drawn for screens with small pixels
FACE, GAP, SIDE, COLUMNS = 176, 22, 40, 3
GROUND, PANEL, INK, FAINT = "#0e1116", "#171b22", "#f2f4f8", "#8b94a3"
YES, NO = "#2fbf71", "#e5484d"
CREDITS = (
    "Photos: US government, United States Senate, N. Tejic (public domain); C. McAndrew (CC BY 3.0)"
)


@dataclass(frozen=True)
class Card:
    """One probe: its face, whom it shows, and the verdict."""

    face: Image.Image
    person: str
    accepted: bool
    margin: float | None


def faces(pipeline: Pipeline, photos: list[Path]) -> list[Image.Image]:
    """Cut the subject out of each photo, with some of what is around it."""
    cut = []
    for photo in photos:
        sight = pipeline.look(photo)
        pixels = sight.frame.pixels
        height, width = pixels.shape[:2]
        half, x, y = min(height, width) / 2, width / 2, height / 2
        if sight.face is not None:
            left, top, w, h = (float(value) for value in sight.face.box)
            half, x, y = min(half, max(w, h) * 0.8), left + w / 2, top + h / 2
        x, y = np.clip((x, y), half, (width - half, height - half))
        box = [round(value) for value in (x - half, y - half, x + half, y + half)]
        side = FACE * SCALE
        cut.append(Image.fromarray(pixels).crop(box).resize((side, side), Image.Resampling.LANCZOS))
    return cut


def draw(
    me: str, learned: list[Image.Image], cards: list[Card], alpha: float, seconds: float
) -> Image.Image:
    """Draw who was learned, and what was decided about each other photo."""
    rows = -(-len(cards) // COLUMNS)
    card_height = FACE + 92
    width = 2 * SIDE + COLUMNS * FACE + (COLUMNS - 1) * GAP
    top = 236
    height = top + rows * (card_height + GAP) + 44
    sheet = Image.new("RGB", (width * SCALE, height * SCALE), GROUND)
    pen = Pen(sheet)

    many = f"{len(learned)} photos" if len(learned) > 1 else "1 photo"
    pen.text(SIDE, 44, f"Learned {me} from {many} in {seconds:.1f} s.", 24, INK)
    pen.text(SIDE, 78, "From then on: only me.", 24, FAINT)
    for number, face in enumerate(learned):
        pen.picture(face, SIDE + number * (92 + 10), 116, 92, INK)
    beside = SIDE + len(learned) * (92 + 10) + 12
    pen.text(beside, 144, "A face opens when its margin", 14, FAINT)
    pen.text(beside, 164, "d(x, NOT_ME) - d(x, ME)", 14, INK)
    pen.text(beside, 184, f"reaches alpha {alpha:+.2f}", 14, FAINT)

    for number, card in enumerate(cards):
        row, column = divmod(number, COLUMNS)
        pen.card(SIDE + column * (FACE + GAP), top + row * (card_height + GAP), card, me, alpha)
    pen.text(
        SIDE,
        height - 34,
        CREDITS,
        11,
        FAINT,
    )
    return sheet


class Pen:
    """Draws in units that do not depend on the screen."""

    def __init__(self, sheet: Image.Image) -> None:
        self._sheet = sheet
        self._draw = ImageDraw.Draw(sheet)

    def text(self, x: float, y: float, words: str, size: float, colour: str) -> None:
        font = ImageFont.load_default(size * SCALE)
        self._draw.text((x * SCALE, y * SCALE), words, font=font, fill=colour, anchor="lm")

    def picture(self, face: Image.Image, x: float, y: float, size: float, rim: str) -> None:
        side, place = round(size * SCALE), (round(x * SCALE), round(y * SCALE))
        mask = Image.new("L", (side, side), 0)
        radius = 14 * SCALE
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, side - 1, side - 1), radius, fill=255)
        self._sheet.paste(face.resize((side, side), Image.Resampling.LANCZOS), place, mask)
        frame = (*place, place[0] + side - 1, place[1] + side - 1)
        self._draw.rounded_rectangle(frame, radius, outline=rim, width=3 * SCALE)

    def box(self, x: float, y: float, w: float, h: float, colour: str, radius: float) -> None:
        frame = (x * SCALE, y * SCALE, (x + w) * SCALE, (y + h) * SCALE)
        self._draw.rounded_rectangle(frame, radius * SCALE, fill=colour)

    def card(self, x: float, y: float, card: Card, me: str, alpha: float) -> None:
        colour = YES if card.accepted else NO
        self.box(x, y, FACE, FACE + 92, PANEL, 14)
        self.picture(card.face, x, y, FACE, colour)
        verdict = me if card.accepted else f"NOT {me}"
        self.text(x + 12, y + FACE + 20, verdict, 15, colour)
        self.text(x + 12, y + FACE + 42, card.person, 12, FAINT)
        middle, reach = x + FACE / 2, FACE / 2 - 12
        self.box(x + 12, y + FACE + 66, FACE - 24, 6, "#2a303a", 3)
        if card.margin is None:
            return
        length = float(np.clip((card.margin - alpha) / 0.7, -1, 1)) * reach
        self.box(min(middle, middle + length), y + FACE + 66, abs(length), 6, colour, 3)
        self.box(middle - 1, y + FACE + 61, 2, 16, INK, 1)
