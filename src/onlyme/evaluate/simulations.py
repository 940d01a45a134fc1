"""Simulate pictures that are moved, printed or shown on a screen, for stress tests of liveness.

What these make is no attack by a person, and no error rate on them is an APCER: a simulated print
has no fingers, no edge of paper and no room that fits its light. They show where a rule breaks, and
they do it again with the same seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

__all__ = ["MOVES", "STRESSES", "add_noise", "move_picture", "stress_frames"]

_SIDE_OF_REFERENCE = 250.0
"""Moves are given in pixels of a picture of this width, and grow with it."""


def _shake(step: float, turn: float = 0.0) -> Callable[..., Pixels]:
    """Return a hand's shake: a random walk of about `step` pixels a frame."""

    def move(
        picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
    ) -> Pixels:
        del number
        state[:2] += rng.normal(0, step, 2) * _scale(picture)
        return _warp(picture, state[0], state[1], rng.normal(0, turn), 1.0)

    return move


def _jump(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    del number, state
    right, down = rng.normal(0, 8, 2) * _scale(picture)
    return _warp(picture, right, down, rng.normal(0, 2), 1.0)


def _zoom(rate: float) -> Callable[..., Pixels]:
    def move(
        picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
    ) -> Pixels:
        del rng, state
        return _warp(picture, 0, 0, 0, (1 + rate) ** number)

    return move


def _pan(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    del rng, state
    swing = 20 * np.sin(number / 12)
    return _warp(picture, swing * _scale(picture), 0, 0, 1.0)


def _turn(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    del rng, state
    return _warp(picture, 0, 0, 10 * np.sin(number / 15), 1.0)


def _tilt(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    del number
    state += rng.normal(0, 0.01, 8)
    return _tilt_by(picture, np.clip(state, -0.05, 0.05).reshape(4, 2))


def _grain(sigma: float) -> Callable[..., Pixels]:
    def move(
        picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
    ) -> Pixels:
        del number, state
        return add_noise(picture, rng, sigma)

    return move


def _flicker(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    del state
    return add_noise(picture * (1 + 0.15 * np.sin(1.3 * number)), rng, 1.0)


def _expose(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    """Bend all tones by one curve, as a camera that looks for its exposure does."""
    del state
    bend = 1 + 0.25 * np.sin(1.3 * number)
    return add_noise(255 * (picture / 255) ** bend, rng, 1.0)


def _light(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    """Light it from one side, then from the other, as a lamp that is moved does."""
    del state
    across = np.linspace(-1, 1, picture.shape[1])[None, :, None]
    return add_noise(picture * (1 + 0.25 * np.sin(0.4 * number) * across), rng, 1.0)


def _roll(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    """Shake it before a camera that takes one row after the other."""
    if number == 0:
        state[:] = rng.uniform(0, 2 * np.pi, 8)
    height = picture.shape[0]
    at = number + 0.9 * np.arange(height, dtype=np.float32) / height
    right = 4 * np.sin(4.1 * at + state[0]) + 3 * np.sin(0.9 * at + state[1])
    down = 3 * np.sin(3.7 * at + state[2]) + 2 * np.sin(0.7 * at + state[3])
    columns, rows = _grid(picture)
    factor = _scale(picture)
    return _move_points(picture, columns - factor * right[:, None], rows - factor * down[:, None])


def _lens(strength: float) -> Callable[..., Pixels]:
    """Return how it moves before a lens that bends straight lines."""

    def move(
        picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
    ) -> Pixels:
        del rng, state
        right, down = 18 * np.sin(number / 9), 10 * np.sin(number / 13)
        nearer = 1 + 0.05 * np.sin(number / 8)
        factor = _scale(picture)
        moved = _warp(picture, right * factor, down * factor, 2 * np.sin(number / 11), nearer)
        columns, rows = _grid(picture)
        middle = np.array(picture.shape[1::-1]) / 2
        from_middle = (columns / middle[0] - 1) ** 2 + (rows / middle[1] - 1) ** 2
        bend = (1 + strength * from_middle) / (1 + 0.8 * strength)
        return _move_points(
            moved, middle[0] + (columns - middle[0]) * bend, middle[1] + (rows - middle[1]) * bend
        )

    return move


def _curl(strength: float) -> Callable[..., Pixels]:
    """Return how it curls in a hand that shakes."""

    def move(
        picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
    ) -> Pixels:
        moved = _shake(1.0, 0.3)(picture, rng, number, state)
        columns, rows = _grid(picture)
        across = 2 * columns / picture.shape[1] - 1
        curl = strength * np.sin(number / 7)
        return _move_points(
            moved,
            columns + curl * picture.shape[1] * across**3,
            rows + 0.6 * curl * picture.shape[0] * across**2,
        )

    return move


def _clump(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    """Shake it, with noise in blocks, as strong compression makes it."""
    moved = _shake(1.0, 0.1)(picture, rng, number, state)
    height, width = picture.shape[:2]
    side = round(8 * _scale(picture)) or 1
    noise = rng.normal(0, 8, (-(-height // side), -(-width // side), 1))
    blocks = noise.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]
    return np.asarray(np.clip(moved + blocks, 0, 255), np.uint8)


def _blur_turning(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    """Turn it while the shutter is open, for another time in each frame."""
    del state
    spread = np.linspace(-0.5, 0.5, 7) * rng.uniform(0, 3)
    turned = [_warp(picture, 0, 0, 10 * np.sin(number / 15) + one, 1.0) for one in spread]
    return np.asarray(np.mean(turned, axis=0), np.uint8)


def _blur(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    moved = _shake(1.5)(picture, rng, number, state)
    return np.asarray(cv2.blur(moved, tuple(rng.integers(1, 5, 2).tolist())), np.uint8)


def _compress(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    moved = _shake(1.5, 0.3)(picture, rng, number, state)
    return _code_jpeg(moved, int(rng.integers(35, 90)))


def _everything(
    picture: Pixels, rng: np.random.Generator, number: int, state: NDArray[np.float64]
) -> Pixels:
    moved = _shake(1.2, 0.5)(picture, rng, number, state)
    nearer = _warp(moved, 0, 0, 0, 1 + 0.08 * np.sin(number / 10))
    lit = nearer * (1 + rng.normal(0, 0.03))
    return _code_jpeg(add_noise(lit, rng, 4.0), 80)


MOVES: Final[dict[str, Callable[..., Pixels]]] = {
    "shake": _shake(1.5),
    "fine shake": _shake(0.3, 0.1),
    "jumps": _jump,
    "zoom in": _zoom(0.004),
    "zoom out": _zoom(-0.004),
    "pan": _pan,
    "turn": _turn,
    "tilt": _tilt,
    "noise": _grain(4.0),
    "strong noise": _grain(10.0),
    "flicker": _flicker,
    "exposure": _expose,
    "lamp": _light,
    "rolling": _roll,
    "lens": _lens(0.12),
    "fisheye": _lens(0.3),
    "curl": _curl(0.025),
    "strong curl": _curl(0.05),
    "clumps": _clump,
    "turning blur": _blur_turning,
    "blur": _blur,
    "compression": _compress,
    "everything": _everything,
}
"""How a still picture is moved, by name. `video` is further made by coding the frames again."""


def move_picture(picture: Pixels, kind: str, seed: int, count: int) -> list[Pixels]:
    """Make a stream of frames from one still picture.

    Args:
        picture: uint8[h, w, 3], RGB.
        kind: one of `MOVES`.
        seed: the same seed gives the same frames.
        count: the number of frames.

    Raises:
        UsageError: there is no such kind.
    """
    if kind not in MOVES:
        raise UsageError(f"no move is called {kind!r}; moves: {', '.join(MOVES)}")
    rng, state = np.random.default_rng(seed), np.zeros(8)
    return [MOVES[kind](picture, rng, number, state) for number in range(count)]


def add_noise(picture: NDArray[Any], rng: np.random.Generator, sigma: float) -> Pixels:
    """Add noise of a standard deviation, in steps of 1/255, to each value."""
    noisy = picture + rng.normal(0, sigma, picture.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


STRESSES: Final = ("print", "print in hand", "screen", "screen, moiré", "screen, glare", "recoded")
"""How the frames of a living person are shown again, by name."""


def stress_frames(frames: Sequence[Pixels], kind: str, seed: int) -> list[Pixels]:
    """Show the frames of a living person again, as a print or on a screen.

    Args:
        frames: uint8[h, w, 3], RGB, all of one size.
        kind: one of `STRESSES`. A print shows the first frame only.
        seed: the same seed gives the same frames.

    Raises:
        UsageError: there is no such kind.
    """
    if kind not in STRESSES:
        raise UsageError(f"no stress is called {kind!r}; stresses: {', '.join(STRESSES)}")
    rng = np.random.default_rng(seed)
    corners = rng.normal(0, 0.03, (4, 2))
    phase, pitch = rng.uniform(0, 6.3), rng.uniform(2.2, 3.4)
    spot = rng.uniform(0.25, 0.75, 2)
    shown = []
    for number, frame in enumerate(frames):
        if kind == "recoded":
            shown.append(_code_jpeg(frame, int(rng.integers(30, 60))))
            continue
        seen = frames[0] if kind.startswith("print") else frame
        hand = rng.normal(0, 0.004, (4, 2)) if kind == "print in hand" else 0
        if kind.startswith("print"):
            seen = _print_colours(seen)
        elif kind == "screen, moiré":
            seen = _lay_moire(seen, pitch, phase + 0.4 * number)
        elif kind == "screen, glare":
            seen = _lay_glare(seen, spot)
        seen = _tilt_by(_show_on_border(seen), corners + hand)
        shown.append(_code_jpeg(add_noise(cv2.GaussianBlur(seen, (0, 0), 0.8), rng, 2.0), 80))
    return shown


def _print_colours(picture: Pixels) -> Pixels:
    """Return the duller colours and the lighter black of ink on paper."""
    gray = picture.mean(axis=2, keepdims=True)
    return np.asarray(np.clip(35 + 0.75 * (gray + 0.75 * (picture - gray)), 0, 255), np.uint8)


def _lay_moire(picture: Pixels, pitch: float, phase: float) -> Pixels:
    """Lay the beat of a screen's dots with the camera's over a picture."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    beat = np.sin(columns / pitch + phase) * np.sin(rows / (pitch * 1.07))
    tint = np.array([1.0, 0.6, 0.9])
    return np.asarray(np.clip(picture * (1 + 0.10 * beat[..., None] * tint), 0, 255), np.uint8)


def _lay_glare(picture: Pixels, spot: NDArray[np.float64]) -> Pixels:
    """Reflect a lamp in a screen; `spot` is its place in shares of width and height."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot((columns / width - spot[0]) * 1.3, rows / height - spot[1])
    lamp = 160 * np.exp(-((distance / 0.12) ** 2)) + 18
    return np.asarray(np.clip(picture * 0.92 + lamp[..., None], 0, 255), np.uint8)


def _show_on_border(picture: Pixels) -> Pixels:
    """Show a picture smaller, within the dark edge of a device and a grey wall."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (round(width * 0.8), round(height * 0.8)))
    rows, columns = height - small.shape[0], width - small.shape[1]
    edge = max(2, min(rows, columns) // 5)
    top, left = rows // 2 - edge, columns // 2 - edge
    framed = cv2.copyMakeBorder(
        small, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=(25, 25, 28)
    )
    bottom, right = height - framed.shape[0] - top, width - framed.shape[1] - left
    wall = (120, 116, 110)
    border = cv2.BORDER_CONSTANT
    return np.asarray(cv2.copyMakeBorder(framed, top, bottom, left, right, border, value=wall))


def _scale(picture: Pixels) -> float:
    return float(picture.shape[1] / _SIDE_OF_REFERENCE)


def _grid(picture: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the column and the row of each pixel."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    return columns, rows


def _move_points(picture: Pixels, columns: NDArray[Any], rows: NDArray[Any]) -> Pixels:
    """Take each pixel from another place."""
    places = np.asarray(columns, np.float32), np.asarray(rows, np.float32)
    moved = cv2.remap(picture, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.uint8)


def _warp(picture: Pixels, right: float, down: float, degrees: float, scale: float) -> Pixels:
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    matrix[:, 2] += np.array([right, down])
    size = (width, height)
    moved = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.uint8)


def _tilt_by(picture: Pixels, corners: NDArray[np.float64]) -> Pixels:
    """Move the corners of a picture by shares of its size, float[4, 2]."""
    height, width = picture.shape[:2]
    old = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    new = (old + corners * np.array([width, height])).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(old, new)
    size = (width, height)
    tilted = cv2.warpPerspective(picture, matrix, size, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(tilted, np.uint8)


def _code_jpeg(picture: Pixels, quality: int) -> Pixels:
    """Compress a picture as JPEG and decode it again."""
    bgr = np.ascontiguousarray(picture[:, :, ::-1])
    _, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(np.asarray(decoded, np.uint8)[:, :, ::-1])
