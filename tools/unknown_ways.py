"""Degrade photos in ways that the base does not know, to measure how far its knowledge reaches.

Nothing is trained with `UNKNOWN_WAYS`. They are siblings of `degradations.DEGRADATIONS`, in the
same units.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from degradations import (
    DEGRADATIONS,
    EYES_APART_PIXELS,
    add_noise,
    brighten,
    compress,
    darken,
    defocus,
    degrade,
    flatten,
    move,
    shrink,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from degradations import Pixels, Points

Corner = tuple[float, float]


def degrade_any(name: str, pixels: Pixels, landmarks: Points, seed: int) -> Pixels:
    """Degrade one photo in a way of `UNKNOWN_WAYS` or of `DEGRADATIONS`; see `degrade`."""
    if name in DEGRADATIONS:
        return degrade(name, pixels, landmarks, seed)
    scale = float(np.hypot(*(landmarks[1] - landmarks[0]))) / EYES_APART_PIXELS
    changed = UNKNOWN_WAYS[name](pixels, landmarks, scale, np.random.default_rng(seed))
    return np.clip(np.rint(np.asarray(changed, np.float32)), 0, 255).astype(np.uint8)


def place(points: Points, corners: list[Corner]) -> Any:
    """Return corners in pixels; they are given in eye distances from the middle of the eyes."""
    eyes = points[:2].astype(np.float64)
    across = eyes[1] - eyes[0]
    down = np.array([-across[1], across[0]])
    return np.int32(np.rint(eyes.mean(axis=0) + np.array(corners) @ np.stack([across, down])))


def cover(
    pixels: Pixels,
    points: Points,
    _: float,
    __: Any,
    *,
    shapes: list[list[Corner]],
    colour: tuple[int, int, int],
    share: float = 1.0,
    stripes: int = 0,
) -> Any:
    """Something opaque, translucent or striped over parts of the face."""
    mask = np.zeros(pixels.shape[:2], np.uint8)
    for shape in shapes:
        cv2.fillPoly(mask, [place(points, shape)], 255, cv2.LINE_AA)
    paint = np.full(pixels.shape, colour, np.float32)
    if stripes:
        width = max(2.0, float(np.hypot(*(points[1] - points[0]))) / stripes)
        rows = np.arange(pixels.shape[0])[:, None, None]
        columns = np.arange(pixels.shape[1])[None, :, None]
        paint *= 1 + 0.35 * np.sign(np.sin((rows + 0.3 * columns) * np.pi / width))
    part = mask[..., None].astype(np.float32) / 255 * share
    return pixels * (1 - part) + paint * part


def make_round(middle: Corner, width: float, height: float) -> list[Corner]:
    turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return [(middle[0] + width * np.cos(t), middle[1] + height * np.sin(t)) for t in turns]


def shake(pixels: Pixels, _: Points, scale: float, random: Any, *, length: float) -> Any:
    """A camera that shakes on a crooked path."""
    steps = np.cumsum(random.normal(0, 1, (40, 2)), axis=0)
    steps *= length * scale / max(float(np.ptp(steps, axis=0).max()), 1e-6)
    steps -= steps.mean(axis=0)
    side = 2 * int(np.ceil(np.abs(steps).max())) + 3
    kernel = np.zeros((side, side), np.float32)
    np.add.at(kernel, tuple(np.rint(steps + side // 2).astype(int).T), 1)
    kernel = cv2.GaussianBlur(kernel, (3, 3), 0.6)
    return cv2.filter2D(pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def smooth(pixels: Pixels, _: Points, scale: float, __: Any, *, sigma: float) -> Any:
    """A dirty lens: a normal blur."""
    return cv2.GaussianBlur(pixels, (0, 0), sigma * scale)


def beautify(pixels: Pixels, points: Points, scale: float, random: Any, *, sigma: float) -> Any:
    """A phone that smooths away the noise of a dark room."""
    noisy = np.clip(add_noise(pixels, points, scale, random, sigma=sigma), 0, 255).astype(np.uint8)
    return cv2.bilateralFilter(noisy, 9, 60, 5 * scale)


def compress_webp(pixels: Pixels, _: Points, __: float, ___: Any, *, quality: int) -> Any:
    """A messenger's compression, which blurs in place of showing blocks."""
    _, data = cv2.imencode(".webp", pixels[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


def compress_twice(pixels: Pixels, points: Points, scale: float, random: Any) -> Any:
    """A photo sent on: compressed, enlarged a little and compressed again."""
    once = compress(pixels, points, scale, random, quality=12)
    height, width = once.shape[:2]
    large = cv2.resize(once, (round(width * 1.3), round(height * 1.3)))
    back = compress(large, points, scale * 1.3, random, quality=40)
    return cv2.resize(back, (width, height), interpolation=cv2.INTER_AREA)


def pepper(pixels: Pixels, _: Points, __: float, random: Any, *, share: float) -> Any:
    """Dead and hot pixels."""
    found = random.random(pixels.shape[:2])
    changed = pixels.copy()
    changed[found < share / 2] = 0
    changed[found > 1 - share / 2] = 255
    return changed


def speckle(pixels: Pixels, _: Points, scale: float, random: Any, *, sigma: float) -> Any:
    """Coarse noise, as a small sensor's after enlarging."""
    noise = cv2.GaussianBlur(
        random.normal(0, 1, pixels.shape).astype(np.float32), (0, 0), 1.5 * scale
    )
    return pixels + sigma * noise / noise.std()


def scale_light(pixels: Pixels, _: Points, __: float, ___: Any, *, light: list[float]) -> Any:
    """Each colour brighter or darker."""
    return pixels * np.array(light, np.float32)


def wash_out(pixels: Pixels, _: Points, __: float, ___: Any) -> Any:
    """Fog before a light background: bright, and with little contrast."""
    return 185 + (pixels.astype(np.float32) - 128) * 0.35


def bend(pixels: Pixels, _: Points, __: float, ___: Any, *, gamma: float) -> Any:
    """A camera that brightens the dark parts."""
    return 255 * (pixels / 255.0) ** gamma


def grey(pixels: Pixels, _: Points, __: float, ___: Any) -> Any:
    """A picture without colours."""
    return np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def posterise(pixels: Pixels, _: Points, __: float, ___: Any) -> Any:
    """Six grey values in each colour."""
    return np.rint(pixels / 51.0) * 51.0


def shade_top(pixels: Pixels, points: Points, _: float, __: Any) -> Any:
    """The shadow of a cap over brow and eyes."""
    apart = float(np.hypot(*(points[1] - points[0])))
    edge = float(points[:2, 1].mean()) + 0.3 * apart
    down = (np.arange(pixels.shape[0]) - edge) / (0.12 * apart)
    light = 0.22 + 0.78 / (1 + np.exp(-down))
    return pixels * light[:, None, None].astype(np.float32)


def shrink_hard(pixels: Pixels, _: Points, scale: float, __: Any, *, eyes: float) -> Any:
    """A far face, enlarged without smoothing."""
    height, width = pixels.shape[:2]
    share = min(1.0, eyes / (EYES_APART_PIXELS * scale))
    small = cv2.resize(
        pixels, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA
    )
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


def lay_hand(pixels: Pixels, points: Points, _: float, __: Any, *, down: float) -> Any:
    """A hand in the colour of the cheeks, `down` eye distances below the eyes, from one side."""
    shown = pixels.copy()
    cheek = place(points, [(-0.45, 0.55), (0.45, 0.55)])
    height, width = pixels.shape[:2]
    skin = np.mean(
        [pixels[min(max(y, 0), height - 1), min(max(x, 0), width - 1)] for x, y in cheek], axis=0
    )
    back = [(0.35, down - 0.5), (2.2, down - 0.7), (2.4, down + 0.8), (0.35, down + 0.5)]
    cv2.fillPoly(shown, [place(points, back)], skin.tolist(), cv2.LINE_AA)
    for finger, reach in enumerate((-0.75, -0.95, -0.9, -0.65)):
        top = down - 0.52 + 0.26 * finger
        shape = [(0.6, top), (reach + 0.08, top + 0.02), (reach, top + 0.12)]
        shape += [(reach + 0.08, top + 0.22), (0.6, top + 0.25)]
        light = skin * (1.0 - 0.04 * finger)
        cv2.fillPoly(shown, [place(points, shape)], light.tolist(), cv2.LINE_AA)
        cv2.polylines(
            shown, [place(points, shape)], isClosed=False, color=(skin * 0.7).tolist(), thickness=1
        )
    return shown


def wrap_head(pixels: Pixels, points: Points, _: float, random: Any) -> Any:
    """A headscarf of some colour: the face is seen from the brows to the chin."""
    opening = [(-0.95, -0.1), (-0.6, -0.75), (0, -0.95), (0.6, -0.75), (0.95, -0.1), (0.85, 0.9)]
    opening += [(0.5, 1.6), (0, 1.85), (-0.5, 1.6), (-0.85, 0.9)]
    outline = [(-1.9, 0.2), (-1.2, -1.7), (0, -2.1), (1.2, -1.7), (1.9, 0.2), (2.2, 4), (-2.2, 4)]
    mask = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(mask, [place(points, outline)], 255, cv2.LINE_AA)
    cv2.fillPoly(mask, [place(points, opening)], 0, cv2.LINE_AA)
    part = mask[..., None].astype(np.float32) / 255
    folds = 1 + 0.15 * np.sin(np.arange(pixels.shape[1]) / random.uniform(3, 9))
    return pixels * (1 - part) + random.uniform(15, 240, 3) * folds[None, :, None] * part


_BLACK, _BROWN = (20, 20, 22), (60, 40, 25)
_ROUND = [make_round((x, 0.05), 0.36, 0.33) for x in (-0.5, 0.5)]
_AVIATOR = [
    [(s * 0.1, -0.2), (s * 0.95, -0.22), (s * 0.98, 0.1), (s * 0.75, 0.48), (s * 0.35, 0.5),
     (s * 0.12, 0.15)]
    for s in (-1, 1)
]  # fmt: skip
_NARROW = [[(s * 0.16, -0.15), (s * 0.9, -0.15), (s * 0.88, 0.2), (s * 0.2, 0.2)] for s in (-1, 1)]
_BAND = [[(-1.1, -0.25), (1.1, -0.25), (1.1, 0.3), (-1.1, 0.3)]]
_SCARF = [[(-1.2, 0.75), (0, 0.6), (1.2, 0.75), (1.3, 2.4), (-1.3, 2.4)]]
_MASK = [[(-0.85, 0.5), (0, 0.38), (0.85, 0.5), (0.75, 1.4), (0, 1.85), (-0.75, 1.4)]]
_CHIN = [[(-0.9, 0.85), (0.9, 0.85), (0.8, 1.9), (-0.8, 1.9)]]
_ONE_EYE = [make_round((0.5, 0.0), 0.4, 0.35)]

UNKNOWN_WAYS: dict[str, Callable[..., Any]] = {
    "blur across 7": partial(move, length=7, turn=0),
    "blur across 11": partial(move, length=11, turn=0),
    "blur down 11": partial(move, length=11, turn=90),
    "blur down 17": partial(move, length=17, turn=90),
    "blur turned 30, 11": partial(move, length=11, turn=30),
    "blur turned 60, 13": partial(move, length=13, turn=60),
    "blur slanted 17": partial(move, length=17, turn=45),
    "shake 9": partial(shake, length=9),
    "shake 14": partial(shake, length=14),
    "normal blur 2": partial(smooth, sigma=2.0),
    "normal blur 3": partial(smooth, sigma=3.0),
    "defocus 3": partial(defocus, radius=3),
    "jpeg 15": partial(compress, quality=15),
    "jpeg 7": partial(compress, quality=7),
    "jpeg twice": compress_twice,
    "webp 2": partial(compress_webp, quality=2),
    "noise 15": partial(add_noise, sigma=15),
    "noise 45": partial(add_noise, sigma=45),
    "speckle": partial(speckle, sigma=25),
    "pepper": partial(pepper, share=0.06),
    "noise smoothed away": partial(beautify, sigma=25),
    "darker": partial(darken, gamma=4.0, sigma=5),
    "dim": partial(scale_light, light=[0.22, 0.22, 0.22]),
    "overexposed 1.7": partial(brighten, gain=1.7),
    "overexposed 3": partial(brighten, gain=3.0),
    "contrast 0.4": partial(flatten, contrast=0.4),
    "contrast 0.15": partial(flatten, contrast=0.15),
    "washed out": wash_out,
    "gamma 0.4": partial(bend, gamma=0.4),
    "blue light": partial(scale_light, light=[0.45, 0.85, 1.3]),
    "red light": partial(scale_light, light=[1.2, 0.25, 0.2]),
    "no colours": grey,
    "six grey values": posterise,
    "cap's shadow": shade_top,
    "eyes 13 apart": partial(shrink, eyes=13),
    "eyes 8 apart": partial(shrink, eyes=8),
    "eyes 12 apart, unsmoothed": partial(shrink_hard, eyes=12),
    "eyes 14 apart, jpeg 15": partial(shrink, eyes=14, quality=15),
    "round glasses": partial(cover, shapes=_ROUND, colour=_BLACK),
    "aviator glasses": partial(cover, shapes=_AVIATOR, colour=_BROWN),
    "narrow glasses": partial(cover, shapes=_NARROW, colour=_BLACK),
    "brown glasses": partial(cover, shapes=_AVIATOR, colour=_BROWN, share=0.75),
    "mirror glasses": partial(cover, shapes=_AVIATOR, colour=(150, 160, 175)),
    "band over the eyes": partial(cover, shapes=_BAND, colour=_BLACK),
    "black mask": partial(cover, shapes=_MASK, colour=_BLACK),
    "pleated mask": partial(cover, shapes=_MASK, colour=(190, 200, 205), stripes=6),
    "dark scarf": partial(cover, shapes=_SCARF, colour=(45, 35, 60)),
    "striped scarf": partial(cover, shapes=_SCARF, colour=(140, 60, 50), stripes=4),
    "mouth and chin": partial(cover, shapes=_CHIN, colour=(175, 140, 120)),
    "hand over the eyes": partial(lay_hand, down=0.0),
    "hand over the mouth": partial(lay_hand, down=1.15),
    "headscarf": wrap_head,
    "one eye": partial(cover, shapes=_ONE_EYE, colour=_BLACK),
}
"""Each way by name, in the order of reports."""
