"""Measure how much one frame of a face looks like a living person.

The network looks at the face *and its surroundings*: the edge of a print, the frame of a
screen, the fingers that hold it. Without surroundings it guesses, mostly "attack",
sometimes "live". Such a frame is no evidence, and its `FrameEvidence` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onlyme.errors import ModelError
from onlyme.liveness.face_view import make_view
from onlyme.liveness.grain import measure_grain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.liveness.face_view import FaceView
    from onlyme.liveness.grain import Grain
    from onlyme.types import Face, NetworkFunction

__all__ = [
    "MAX_NOISE_LEVELS",
    "FrameEvidence",
    "LivenessNetwork",
    "make_fingerprint",
    "measure_colour",
    "measure_darkness",
]

INPUT_SIDE_PIXELS: Final = 128
"""Side of the network's input, in pixels."""

WANTED_CONTEXT_FACE_WIDTHS: Final = 2.7
"""Side of the crop in sides of the face box, as the network was trained."""

MIN_CONTEXT_FACE_WIDTHS: Final = 1.4
"""With less around the face the network cannot tell people from prints: of webcam frames cut to
1.3 it takes 7 in 10 people for attacks (benchmarks/liveness.py measures it)."""

MIN_FACE_WIDTH_PIXELS: Final = 60.0
"""Least width of a face, in pixels. In the network's input it is 47 to 85 pixels wide."""

MIN_COLOUR_LEVEL: Final = 2.0
"""Least colour of a face: the mean over its pixels of the largest of R, G and B minus the
smallest, 0 to 255. Skin has 20 and more in daylight; infrared cameras give 0, or 1 after
compression. The network was trained on colour; prints, screens and skin look different in infrared
light, and its errors there were never measured (benchmarks/infrared.py)."""

MAX_OUTSIDE_FACE_WIDTHS: Final = 0.05
"""Largest share of the face box's side that may be outside the frame."""

TARGET_BRIGHTNESS_LEVEL: Final = 100.0
"""Median of the face, 0 to 255, to which a darker frame is brightened."""

MAX_GAIN_FACTOR: Final = 3.0
"""Most that a frame is brightened; more would show mainly noise."""

MAX_NOISE_LEVELS: Final = 2.0
"""Most noise of a face that is brightened to the target, as a standard deviation in steps of 1/255.
With more, the network takes prints for people: dimmed to 15 %, with a sensor's noise, 9 of 23.
Below it none of 1,184 noisy prints and replays is live, in any light (benchmarks/noise.py); living
clips and webcam frames have at most 0.7 (tests/liveness/test_passive.py)."""

FINGERPRINT_SIDE_SAMPLES: Final = 24
"""Rows and columns of the fingerprint."""


NO_COLOUR: Final = "the picture has no colour, as from an infrared camera"
"""Why such a frame is no evidence; more frames of the same camera will not be either."""

TOO_NOISY: Final = "the picture is too noisy to judge, as in poor light; add light"
"""Why a frame that the network would guess about is no evidence."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameEvidence:
    """What passive liveness measured in one frame.

    Attributes:
        odds: log-odds (natural logarithm) of live against attack as the network gives them,
            not calibrated, about −20 to 12; None where the frame is no evidence.
        context: side of the crop that was used in sides of the face box, at most 2.7.
        why: why the frame is no evidence; empty where it is evidence.
        fingerprint: uint8[576], green values sampled without averaging from the face, by which
            a repeated frame is recognised.
        grain: the face's finest detail; None where the frame is no evidence.
        view: the face and its nearest surroundings, by which own motion is measured; None where
            the frame is no evidence.
        extra: what the user's further networks measured, in order; see `onlyme.liveness.extra`.
    """

    odds: float | None
    context: float
    why: str
    fingerprint: NDArray[np.uint8]
    grain: Grain | None = None
    view: FaceView | None = None
    extra: tuple[float, ...] = ()


class LivenessNetwork:
    """The liveness network. Safe to call from several threads, one at a time inside.

    Of its three classes, 0 is *live*; 1 and 2 are kinds of attack.

    Args:
        run: the network, loaded from its checked file by OpenCV or another engine.
        colourless: whether pictures without colour, as from infrared cameras, are evidence too;
            by default they are not.

    Attributes:
        colourless: see above.
    """

    def __init__(self, run: NetworkFunction, *, colourless: bool = False) -> None:
        self.colourless = colourless
        self._run = run
        self._lock = Lock()

    def look(self, pixels: NDArray[np.uint8], face: Face) -> FrameEvidence:
        """Look at one face and its surroundings.

        Args:
            pixels: uint8[h, w, 3], RGB, the whole frame.
            face: a face found in it.

        Raises:
            ModelError: the network returned no usable numbers.
        """
        context, why = _measure_context(pixels, face)
        if not why and not self.colourless and measure_colour(face.crop(pixels)) < MIN_COLOUR_LEVEL:
            why = NO_COLOUR
        fingerprint = make_fingerprint(pixels, face)
        if why:
            return FrameEvidence(None, context, why, fingerprint)
        grain = measure_grain(face.crop(pixels))
        darkness = measure_darkness(pixels, face)
        if grain.sigma * darkness > MAX_NOISE_LEVELS:
            return FrameEvidence(None, context, TOO_NOISY, fingerprint)
        odds = self._judge(_crop(pixels, face, context, darkness))
        return FrameEvidence(odds, context, "", fingerprint, grain, make_view(pixels, face))

    def compute_odds(self, pixels: NDArray[np.uint8], face: Face) -> float:
        """Return the network's log-odds of *live*, of any picture; `look` says what is evidence.

        Args:
            pixels: uint8[h, w, 3], RGB, the whole frame.
            face: a face found in it.

        Raises:
            ModelError: the network returned no usable numbers.
        """
        context, _ = _measure_context(pixels, face)
        return self._judge(_crop(pixels, face, context, measure_darkness(pixels, face)))

    def _judge(self, crop: NDArray[np.uint8]) -> float:
        # blobFromImage converts RGB to the BGR, 0 to 255, that the network was trained on.
        blob = np.asarray(cv2.dnn.blobFromImage(crop, swapRB=True), np.float32)
        with self._lock:
            scores = np.array(self._run(blob)[0], np.float64).ravel()
        if scores.size != 3 or not np.isfinite(scores).all():
            raise ModelError("the liveness network returned no usable numbers")
        return float(scores[0] - np.logaddexp(scores[1], scores[2]))


def measure_colour(pixels: NDArray[np.uint8]) -> float:
    """Measure the colour of uint8[h, w, 3]: 0 (none) to 255, a mean over the pixels.

    >>> grey, brown = 90, (90, 70, 60)
    >>> [measure_colour(np.full((4, 4, 3), paint, np.uint8)) for paint in (grey, brown)]
    [0.0, 30.0]
    """
    part = pixels[::2, ::2]
    return float(np.mean(part.max(axis=2) - part.min(axis=2)))


def _measure_context(pixels: NDArray[np.uint8], face: Face) -> tuple[float, str]:
    """Measure how much is visible around a face; if it is too little, also say why."""
    height, width = pixels.shape[:2]
    x, y, w, h = (float(value) for value in face.box)
    if w < MIN_FACE_WIDTH_PIXELS:
        return (
            0.0,
            f"the face is {w:.0f} pixels wide; {MIN_FACE_WIDTH_PIXELS:.0f} are needed: come closer",
        )
    context = min(WANTED_CONTEXT_FACE_WIDTHS, width / w, height / h)
    if max(-x / w, -y / h, (x + w - width) / w, (y + h - height) / h) > MAX_OUTSIDE_FACE_WIDTHS:
        return context, "part of the face is outside the picture; move towards its middle"
    if context < MIN_CONTEXT_FACE_WIDTHS:
        return context, "too little is visible around the face; move back"
    return context, ""


def _crop(
    pixels: NDArray[np.uint8], face: Face, context: float, darkness: float
) -> NDArray[np.uint8]:
    """Cut out the face with its surroundings; the crop is moved, not padded, to fit the frame.

    A dark face is brightened. In the dark the network takes some prints for people and some
    people for prints; after brightening it judges both as in the light.
    """
    height, width = pixels.shape[:2]
    x, y, w, h = (float(value) for value in face.box)
    wide, high = w * context, h * context
    left = int(np.clip(x + w / 2 - wide / 2, 0, max(0, width - wide)))
    top = int(np.clip(y + h / 2 - high / 2, 0, max(0, height - high)))
    part = pixels[top : top + max(1, round(high)), left : left + max(1, round(wide))]
    crop = cv2.resize(part, (INPUT_SIDE_PIXELS, INPUT_SIDE_PIXELS), interpolation=cv2.INTER_LINEAR)
    gain = min(MAX_GAIN_FACTOR, darkness)
    return np.asarray(cv2.convertScaleAbs(crop, alpha=gain) if gain > 1 else crop, np.uint8)


def measure_darkness(pixels: NDArray[np.uint8], face: Face) -> float:
    """Return by what factor a face is darker than the target, at least 1."""
    level = float(np.median(face.crop(pixels)[::2, ::2]))
    return max(1.0, TARGET_BRIGHTNESS_LEVEL / max(level, 1.0))


def make_fingerprint(pixels: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    """Sample the green of single pixels; a camera never repeats their noise."""
    inside = face.crop(pixels)
    rows = np.linspace(0, inside.shape[0] - 1, FINGERPRINT_SIDE_SAMPLES).astype(int)
    columns = np.linspace(0, inside.shape[1] - 1, FINGERPRINT_SIDE_SAMPLES).astype(int)
    return np.ascontiguousarray(inside[np.ix_(rows, columns)][:, :, 1]).ravel()
