"""Degrade photos of faces in the ways that cameras, light and clothes do. Everything is seeded.

`DEGRADATIONS` names each way. Lengths are for eyes 42 pixels apart, as in LFW's photos, and
scale with the face, so that a large photo suffers as much as a small one.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Points = np.ndarray[Any, np.dtype[np.float32]]

EYES_APART_PIXELS = 42.0


def degrade(name: str, pixels: Pixels, landmarks: Points, seed: int) -> Pixels:
    """Degrade one photo.

    Args:
        name: a key of `DEGRADATIONS`.
        pixels: uint8[h, w, 3], RGB.
        landmarks: float32[5, 2] of the face: its eyes, nose and corners of the mouth.
        seed: of noise; give each photo its own.
    """
    eyes = float(np.hypot(*(landmarks[1] - landmarks[0])))
    changed = DEGRADATIONS[name](
        pixels, landmarks, eyes / EYES_APART_PIXELS, np.random.default_rng(seed)
    )
    return np.clip(np.rint(np.asarray(changed, np.float32)), 0, 255).astype(np.uint8)


def move(pixels: Pixels, _: Points, scale: float, __: Any, *, length: float, turn: float) -> Any:
    """Motion blur: the mean along a line of `length` pixels, turned by `turn` degrees."""
    length *= scale
    side = max(3, 2 * int(np.ceil(length / 2)) + 1)
    kernel = np.zeros((side, side), np.float32)
    middle, steps = side // 2, np.linspace(-(length - 1) / 2, (length - 1) / 2, 64)
    for step in steps:
        x = middle + step * np.cos(np.radians(turn))
        y = middle + step * np.sin(np.radians(turn))
        left, top = int(np.floor(x)), int(np.floor(y))
        for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
            if 0 <= row < side and 0 <= column < side:
                kernel[row, column] += (1 - abs(x - column)) * (1 - abs(y - row))
    return cv2.filter2D(pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def defocus(pixels: Pixels, _: Points, scale: float, __: Any, *, radius: float) -> Any:
    """A lens out of focus: the mean over a disc."""
    radius *= scale
    side = 2 * int(np.ceil(radius)) + 1
    grid = np.arange(side) - side // 2
    away = np.hypot(*np.meshgrid(grid, grid))
    kernel = np.clip(radius + 0.5 - away, 0, 1).astype(np.float32)
    return cv2.filter2D(pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def compress(pixels: Pixels, _: Points, scale: float, __: Any, *, quality: int) -> Any:
    """JPEG at the scale of a small camera picture."""
    height, width = pixels.shape[:2]
    small = pixels
    if scale > 1.2:
        small = cv2.resize(
            pixels, (round(width / scale), round(height / scale)), interpolation=cv2.INTER_AREA
        )
    _, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    back = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    return cv2.resize(back, (width, height)) if small is not pixels else back


def shrink(
    pixels: Pixels, _: Points, scale: float, __: Any, *, eyes: float, quality: int = 0
) -> Any:
    """A face far from the camera: eyes so many pixels apart, then enlarged again."""
    height, width = pixels.shape[:2]
    share = min(1.0, eyes / (EYES_APART_PIXELS * scale))
    small = cv2.resize(
        pixels,
        (max(8, round(width * share)), max(8, round(height * share))),
        interpolation=cv2.INTER_AREA,
    )
    if quality:
        _, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        small = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def add_noise(pixels: Pixels, _: Points, __: float, random: Any, *, sigma: float) -> Any:
    """Noise of a sensor with too little light."""
    return pixels + random.normal(0, sigma, pixels.shape)


def darken(pixels: Pixels, _: Points, __: float, random: Any, *, gamma: float, sigma: float) -> Any:
    """A dark room, with the noise that goes with it."""
    return 255 * (pixels / 255.0) ** gamma + random.normal(0, sigma, pixels.shape)


def brighten(pixels: Pixels, _: Points, __: float, ___: Any, *, gain: float) -> Any:
    """Overexposure: what is bright becomes white."""
    return pixels * np.float32(gain)


def flatten(pixels: Pixels, _: Points, __: float, ___: Any, *, contrast: float) -> Any:
    """Little contrast, as through fog or a dirty lens."""
    return 128 + (pixels - np.float32(128)) * contrast


def tint(pixels: Pixels, _: Points, __: float, ___: Any) -> Any:
    """Coloured light: much red, little blue."""
    return pixels * np.array([1.25, 0.85, 0.45], np.float32)


def shade(pixels: Pixels, landmarks: Points, __: float, ___: Any) -> Any:
    """One half of the face in shadow."""
    centre = float(landmarks[:, 0].mean())
    width = float(np.hypot(*(landmarks[1] - landmarks[0])))
    across = (np.arange(pixels.shape[1]) - centre) / width
    light = 0.25 + 0.85 / (1 + np.exp(-6 * across))
    return pixels * light[None, :, None].astype(np.float32)


def cover_eyes(pixels: Pixels, landmarks: Points, __: float, ___: Any) -> Any:
    """Dark sunglasses over both eyes."""
    covered = pixels.copy()
    eyes, apart = landmarks[:2], float(np.hypot(*(landmarks[1] - landmarks[0])))
    turn = float(np.degrees(np.arctan2(*(eyes[1] - eyes[0])[::-1])))
    for eye in eyes:
        centre = (float(eye[0]), float(eye[1]) + 0.05 * apart)
        box = (centre, (0.86 * apart, 0.62 * apart), turn)
        cv2.ellipse(covered, box, (25, 25, 28), -1, cv2.LINE_AA)
    cv2.line(
        covered,
        tuple(int(v) for v in eyes[0]),
        tuple(int(v) for v in eyes[1]),
        (25, 25, 28),
        max(2, int(0.08 * apart)),
    )
    return covered


def cover_mouth(pixels: Pixels, landmarks: Points, __: float, ___: Any) -> Any:
    """A mask over nose and mouth."""
    covered = pixels.copy()
    points = landmarks.astype(np.float64)
    across = points[1] - points[0]
    apart = float(np.hypot(*across))
    across /= apart
    down = np.array([-across[1], across[0]])
    nose, mouth = points[2], points[3:].mean(axis=0)
    top = nose - 0.12 * apart * down
    corners = [
        top - 0.85 * apart * across,
        top + 0.85 * apart * across,
        mouth + 0.62 * apart * across + 0.35 * apart * down,
        mouth + 0.95 * apart * down,
        mouth - 0.62 * apart * across + 0.35 * apart * down,
    ]
    cv2.fillPoly(covered, [np.int32(np.rint(corners))], (150, 180, 205), cv2.LINE_AA)
    return covered


def cover_with_bars(pixels: Pixels, landmarks: Points, __: float, random: Any) -> Any:
    """Two grey bars across the face, as of a railing or fingers, at random places."""
    covered = pixels.copy()
    apart = float(np.hypot(*(landmarks[1] - landmarks[0])))
    centre, width = landmarks.mean(axis=0), max(2, round(0.22 * apart))
    for _ in range(2):
        if random.integers(2):
            x = int(centre[0] + random.uniform(-0.9, 0.9) * apart)
            covered[:, max(0, x) : max(0, x) + width] = 110
        else:
            y = int(centre[1] + random.uniform(-0.9, 0.9) * apart)
            covered[max(0, y) : max(0, y) + width] = 110
    return covered


DEGRADATIONS: dict[str, Callable[..., Any]] = {
    "blur across 5": partial(move, length=5, turn=0),
    "blur across 9": partial(move, length=9, turn=0),
    "blur across 13": partial(move, length=13, turn=0),
    "blur across 17": partial(move, length=17, turn=0),
    "blur down 9": partial(move, length=9, turn=90),
    "blur down 13": partial(move, length=13, turn=90),
    "blur slanted 9": partial(move, length=9, turn=45),
    "blur slanted 13": partial(move, length=13, turn=135),
    "defocus 2": partial(defocus, radius=2),
    "defocus 4": partial(defocus, radius=4),
    "jpeg 10": partial(compress, quality=10),
    "jpeg 5": partial(compress, quality=5),
    "eyes 16 apart": partial(shrink, eyes=16),
    "eyes 10 apart": partial(shrink, eyes=10),
    "eyes 20 apart, jpeg 30": partial(shrink, eyes=20, quality=30),
    "noise": partial(add_noise, sigma=30),
    "dark": partial(darken, gamma=3.0, sigma=8),
    "overexposed": partial(brighten, gain=2.2),
    "little contrast": partial(flatten, contrast=0.25),
    "colour cast": tint,
    "half in shadow": shade,
    "sunglasses": cover_eyes,
    "mouth mask": cover_mouth,
    "bars": cover_with_bars,
}
"""Each way by name, in the order of reports."""
