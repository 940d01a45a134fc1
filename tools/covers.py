"""Draw dark glasses, caps' shadows, masks, scarves and hands on aligned faces, and degrade faces.

Everything works on float32[112, 112], grey, as `onlyme.face.align` returns faces. None of the
shapes is one of `degradations` or `unknown_ways`: those judge what is learned from these.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

Grey = np.ndarray[Any, np.dtype[np.float32]]
Random = np.random.Generator

SIDE = 112
EYES = ((38.29, 51.70), (73.53, 51.50))
EYES_APART = 35.2
_ROWS, _COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)


def cover_eyes(grey: Grey, random: Random) -> Any:
    """Cover both eyes by glasses of some shape, by a band, a hand, or a shadow from above."""
    mask, kind = np.zeros((SIDE, SIDE), np.uint8), random.random()
    if kind < 0.07:
        return _lay_hand(grey, random, 51 + random.uniform(-5, 7))
    if kind < 0.68:
        _draw_glasses(mask, random)
        return _paint(grey, mask, random, random.uniform(0.62, 1), _choose_tone(random))
    if kind < 0.82:
        top = 51 - random.uniform(0.2, 0.45) * EYES_APART
        bottom = 51 + random.uniform(0.18, 0.5) * EYES_APART
        half = random.uniform(0.8, 1.4) * EYES_APART
        lean = random.uniform(-3, 3), random.uniform(-3, 3)
        corners = [
            (56 - half, top),
            (56 + half, top + lean[0]),
            (56 + half, bottom),
            (56 - half, bottom + lean[1]),
        ]
        cv2.fillPoly(mask, [np.int32(corners)], 255)
        return _paint(grey, mask, random, random.uniform(0.75, 1), _choose_tone(random))
    edge, soft = 51 + random.uniform(0.12, 0.5) * EYES_APART, random.uniform(1, 8)
    tilt = random.uniform(-0.15, 0.15) * (_COLUMNS - 56)
    return grey * (random.uniform(0.08, 0.33) + 0.8 / (1 + np.exp(-(_ROWS + tilt - edge) / soft)))


def cover_mouth(grey: Grey, random: Random) -> Any:
    """Cover the mouth from the nose or lip down: plain, striped, mottled, or by a hand."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    if random.random() < 0.15:
        return _lay_hand(grey, random, random.uniform(84, 96))
    top, half = random.uniform(60, 80), random.uniform(0.62, 1.3) * EYES_APART
    drop, bottom = random.uniform(-2, 8), random.uniform(98, 125)
    corners = [
        (56 - half, top + drop),
        (56 - random.uniform(0, 6), top),
        (56 + half, top + drop),
        (56 + half * random.uniform(0.6, 1.2), bottom),
        (56, bottom + random.uniform(0, 10)),
        (56 - half * random.uniform(0.6, 1.2), bottom),
    ]
    cv2.fillPoly(mask, [np.int32(corners)], 255)
    tone = random.uniform(10, 230)
    return _paint(grey, mask, random, random.uniform(0.85, 1), tone)


def degrade(grey: Grey, random: Random) -> Any:
    """Blur, light, noise, few pixels, plain spectacles, a headscarf: all that covers nothing."""
    ways = (
        *(_blur, _move, _add_noise, _bend, _scale_light, _flatten, _shrink, _shade),
        *(_wear_spectacles, _wear_headscarf),
    )
    at = int(random.integers(len(ways) + 2))
    return ways[at](grey, random) if at < len(ways) else grey


def jitter(grey: Grey, random: Random) -> Any:
    """Move, turn and scale a face: landmarks are found elsewhere when something covers it."""
    turn, scale = random.uniform(-8, 8), random.uniform(0.86, 1.2)
    way = cv2.getRotationMatrix2D((56, 65), turn, scale)
    way[:, 2] += random.uniform(-5, 5), random.uniform(-8, 6)
    moved = cv2.warpAffine(grey, way, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
    return moved[:, ::-1] if random.random() < 0.5 else moved


def _lay_hand(grey: Grey, random: Random, middle: float) -> Any:
    """Lay three to five fingers across a face, as bright as its skin, with darker gaps."""
    skin = float(np.median(grey[40:90, 30:82])) * random.uniform(0.7, 1.35)
    count, thick = int(random.integers(3, 6)), random.uniform(8, 12)
    turn, way = random.uniform(-0.6, 0.6), random.choice([-1, 1])
    across, down = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    shown = grey.copy()
    for at in range(count):
        start = np.array([56.0, middle]) + (at - (count - 1) / 2) * thick * 0.92 * down
        tip = start + way * across * random.uniform(26, 46)
        root = start - way * across * 80
        ends = [tuple(int(v) for v in np.rint(end * 16)) for end in (root, tip)]
        for width, tone in ((thick + 2, 0.6), (thick - 1, 1.0), (thick * 0.5, 1.07)):
            light = float(np.clip(skin * tone * random.uniform(0.95, 1.05), 0, 255))
            cv2.line(shown, *ends, light, max(1, round(width)), cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(shown, (0, 0), random.uniform(0.5, 1.2))
    return np.where(np.abs(shown - grey) > 0, soft, grey).astype(np.float32)


def _draw_glasses(mask: Any, random: Random) -> None:
    width, height = random.uniform(0.3, 0.52) * EYES_APART, random.uniform(0.2, 0.4) * EYES_APART
    down, apart = random.uniform(-0.08, 0.22) * EYES_APART, random.uniform(-0.04, 0.06) * EYES_APART
    tilt = random.uniform(-0.15, 0.15)
    for (x, y), side in zip(EYES, (-1, 1), strict=True):
        lens = _make_lens(width, height, random)
        cosine, sine = np.cos(side * tilt), np.sin(side * tilt)
        turned = lens @ np.array([[cosine, sine], [-sine, cosine]])
        corners = turned + np.array([x + side * apart, y + down])
        cv2.fillPoly(mask, [np.int32(np.rint(corners))], 255)
    if random.random() < 0.8:
        left = (38, int(51 + down - random.uniform(-3, 6)))
        cv2.line(mask, left, (73, int(51 + down)), 255, int(random.integers(1, 4)))


def _make_lens(width: float, height: float, random: Random) -> Any:
    """Between a diamond and a rectangle, and narrower at the top or the bottom."""
    power, turns = random.uniform(1.6, 6), np.linspace(0, 2 * np.pi, 28, endpoint=False)
    x, y = (np.sign(f) * np.abs(f) ** (2 / power) for f in (np.cos(turns), np.sin(turns)))
    return np.stack([x * width * (1 + random.uniform(-0.3, 0.3) * y), y * height], 1)


def _choose_tone(random: Random) -> float:
    return random.uniform(5, 75) if random.random() < 0.7 else random.uniform(75, 220)


def _paint(grey: Grey, mask: Any, random: Random, opacity: float, tone: float) -> Any:
    paint, kind = np.full((SIDE, SIDE), tone, np.float32), random.random()
    if kind < 0.35:
        paint *= 1 + random.uniform(-0.6, 0.6) * (_ROWS - 50) / 40
    elif kind < 0.6:
        turn, pitch = random.uniform(0, np.pi), 2 * np.pi / random.uniform(3, 14)
        wave = np.sin(pitch * (_COLUMNS * np.cos(turn) + _ROWS * np.sin(turn)))
        paint *= 1 + random.uniform(0.1, 0.5) * np.sign(wave)
    elif kind < 0.75:
        noise = random.normal(0, 1, (SIDE, SIDE)).astype(np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), random.uniform(0.6, 4))
        paint += noise / noise.std() * random.uniform(5, 40)
    part = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), random.uniform(0.3, 1.2))
    part *= opacity
    return grey * (1 - part) + np.clip(paint, 0, 255) * part


def _blur(grey: Grey, random: Random) -> Any:
    return cv2.GaussianBlur(grey, (0, 0), random.uniform(0.6, 2.2))


def _move(grey: Grey, random: Random) -> Any:
    length = int(random.integers(2, 9))
    return cv2.blur(grey, (length, 1) if random.random() < 0.5 else (1, length))


def _add_noise(grey: Grey, random: Random) -> Any:
    return np.clip(grey + random.normal(0, random.uniform(4, 22), grey.shape), 0, 255)


def _bend(grey: Grey, random: Random) -> Any:
    return 255 * (grey / 255) ** random.uniform(0.4, 3.5)


def _scale_light(grey: Grey, random: Random) -> Any:
    return np.clip(grey * random.uniform(0.2, 1.9), 0, 255)


def _flatten(grey: Grey, random: Random) -> Any:
    return 128 + (grey - 128) * random.uniform(0.4, 1)


def _shrink(grey: Grey, random: Random) -> Any:
    share = random.uniform(0.25, 0.7)
    small = cv2.resize(grey, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (SIDE, SIDE))


def _shade(grey: Grey, random: Random) -> Any:
    across = (_COLUMNS - 56) / EYES_APART * random.choice([-1, 1])
    return grey * (0.25 + 0.85 / (1 + np.exp(-random.uniform(2, 7) * across)))


def _wear_spectacles(grey: Grey, random: Random) -> Any:
    """Plain spectacles: the eyes are seen through them."""
    worn, tone = grey.copy(), random.uniform(0, 150)
    axes = (
        int(random.uniform(0.3, 0.48) * EYES_APART),
        int(random.uniform(0.18, 0.34) * EYES_APART),
    )
    for x, y in EYES:
        centre = int(x), int(y + random.uniform(0, 4))
        cv2.ellipse(
            worn, centre, axes, 0, 0, 360, float(tone), int(random.integers(1, 3)), cv2.LINE_AA
        )
    cv2.line(worn, (38 + axes[0], 50), (73 - axes[0], 50), float(tone), 2)
    return worn


def _wear_headscarf(grey: Grey, random: Random) -> Any:
    """A cloth about the face: hair, ears and neck are hidden, brows and chin are seen."""
    mask = np.full((SIDE, SIDE), 255, np.uint8)
    top, bottom = random.uniform(18, 34), random.uniform(106, 122)
    axes = int(random.uniform(32, 44)), int((bottom - top) / 2)
    middle = int(random.uniform(53, 59)), int((bottom + top) / 2)
    cv2.ellipse(mask, middle, axes, random.uniform(-6, 6), 0, 360, 0, -1)
    return _paint(grey, mask, random, 1.0, random.uniform(5, 245))
