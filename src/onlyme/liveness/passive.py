"""One frame and its face come in; how much it looks like a living person goes out.

The network looks at the face *and what is around it*: the edge of a print, the frame of
a screen, the fingers that hold it. Where there is nothing around it to look at, it
guesses, mostly "attack", sometimes "live". Such a frame is no evidence at all, and a
glance says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onlyme.errors import ModelError, ModelRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from onlyme.types import Face

    NetworkFunction = Callable[[NDArray[np.float32]], Sequence[NDArray[np.float32]]]

__all__ = ["FrameEvidence", "LivenessNetwork", "make_fingerprint", "measure_colour"]

INPUT_SIDE_PIXELS: Final = 128
"""Side of the network's input, in pixels."""

WANTED_CONTEXT_FACE_WIDTHS: Final = 2.7
"""Side of the crop in sides of the face box, as the network was trained."""

MIN_CONTEXT_FACE_WIDTHS: Final = 1.4
"""With less around the face the network no longer tells people from prints: of webcam frames
cut down to 1.3 it takes 7 in 10 people for attacks (benchmarks/liveness.py measures it)."""

MIN_FACE_WIDTH_PIXELS: Final = 60.0
"""A face must be this wide in pixels. The network sees it 47 to 85 pixels wide."""

MIN_COLOUR_LEVEL: Final = 2.0
"""A face must have so much colour: the mean over its pixels of the largest of R, G and B less
the smallest, 0 to 255. Skin has 20 and more in daylight; infrared cameras give 0, and what was
compressed on the way 1. The network was made for colour; what infrared light shows of prints,
screens and skin is something else, and nobody measured it (benchmarks/infrared.py)."""

MAX_OUTSIDE_FACE_WIDTHS: Final = 0.05
"""At most this share of the face box's side may lie outside the frame."""

TARGET_BRIGHTNESS_LEVEL: Final = 100.0
"""Median of the face, 0 to 255, that a darker frame is brightened to."""

MAX_GAIN_FACTOR: Final = 3.0
"""Brightening stops here, where noise would become the picture."""

FINGERPRINT_SIDE_SAMPLES: Final = 24
"""Rows and columns of the fingerprint."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameEvidence:
    """What passive liveness saw in one frame.

    Attributes:
        odds: log-odds (natural logarithm) of live against attack as the network gives them,
            not calibrated, about −20 to 12; None where the frame is no evidence.
        context: side of what was looked at in sides of the face box, at most 2.7.
        why: what keeps the frame from being evidence; empty where it is.
        print: uint8[576], grey values sampled without averaging from the face, by which a
            frame that comes twice is known.
    """

    odds: float | None
    context: float
    why: str
    fingerprint: NDArray[np.uint8]


class LivenessNetwork:
    """The liveness network. Safe to call from several threads, one at a time inside.

    Class 0 of its three is *live*; 1 and 2 are kinds of attack.

    Args:
        weights: the ONNX file's bytes, checked already.
        run: the network made of them by another engine than OpenCV.
        colourless: whether pictures without colour, as infrared cameras give them, are
            evidence as well; by default they are none.

    Raises:
        ModelRefused: when OpenCV cannot load them.
    """

    def __init__(
        self, weights: bytes, run: NetworkFunction | None = None, *, colourless: bool = False
    ) -> None:
        self.colourless = colourless
        self._run = run or _load_opencv(weights)
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
        if (
            not why
            and not self.colourless
            and measure_colour(_crop_face_box(pixels, face)) < MIN_COLOUR_LEVEL
        ):
            why = "the picture has no colour, as from an infrared camera"
        marks = make_fingerprint(pixels, face)
        if why:
            return FrameEvidence(None, context, why, marks)
        return FrameEvidence(self._compute_odds(_crop(pixels, face, context)), context, "", marks)

    def _compute_odds(self, crop: NDArray[np.uint8]) -> float:
        # blobFromImage turns RGB into the BGR, 0 to 255, that the network was trained on.
        blob = np.asarray(cv2.dnn.blobFromImage(crop, swapRB=True), np.float32)
        with self._lock:
            scores = np.array(self._run(blob)[0], np.float64).ravel()
        if scores.size != 3 or not np.isfinite(scores).all():
            raise ModelError("the liveness network returned no usable numbers")
        return float(scores[0] - np.logaddexp(scores[1], scores[2]))


def _load_opencv(weights: bytes) -> NetworkFunction:
    try:
        net = cv2.dnn.readNetFromONNX(np.frombuffer(weights, np.uint8))
    except cv2.error as error:
        raise ModelRefused(f"the liveness network cannot be loaded: {error.err}") from None

    def run(blob: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        net.setInput(blob)
        return (np.asarray(net.forward(), np.float32),)

    return run


def measure_colour(pixels: NDArray[np.uint8]) -> float:
    """Measure how much colour there is: 0 (none) to 255, the mean over uint8[h, w, 3].

    >>> grey, brown = 90, (90, 70, 60)
    >>> [measure_colour(np.full((4, 4, 3), paint, np.uint8)) for paint in (grey, brown)]
    [0.0, 30.0]
    """
    part = pixels[::2, ::2]
    return float(np.mean(part.max(axis=2) - part.min(axis=2)))


def _measure_context(pixels: NDArray[np.uint8], face: Face) -> tuple[float, str]:
    """Measure how much there is around a face, and say why that is too little."""
    height, width = pixels.shape[:2]
    x, y, w, h = (float(value) for value in face.box)
    if w < MIN_FACE_WIDTH_PIXELS:
        return (
            0.0,
            f"the face is {w:.0f} pixels wide, {MIN_FACE_WIDTH_PIXELS:.0f} are needed; come closer",
        )
    context = min(WANTED_CONTEXT_FACE_WIDTHS, width / w, height / h)
    if max(-x / w, -y / h, (x + w - width) / w, (y + h - height) / h) > MAX_OUTSIDE_FACE_WIDTHS:
        return context, "the face reaches over the border of the picture"
    if context < MIN_CONTEXT_FACE_WIDTHS:
        return context, "too little is seen around the face; move back"
    return context, ""


def _crop(pixels: NDArray[np.uint8], face: Face, context: float) -> NDArray[np.uint8]:
    """Cut the face out with what is around it: shifted, not padded, to stay inside the frame.

    A dark face is brightened. In the dark the network takes some prints for people and some
    people for prints; brightened, both come out as in the light.
    """
    height, width = pixels.shape[:2]
    x, y, w, h = (float(value) for value in face.box)
    wide, high = w * context, h * context
    left = int(np.clip(x + w / 2 - wide / 2, 0, max(0, width - wide)))
    top = int(np.clip(y + h / 2 - high / 2, 0, max(0, height - high)))
    part = pixels[top : top + max(1, round(high)), left : left + max(1, round(wide))]
    crop = cv2.resize(part, (INPUT_SIDE_PIXELS, INPUT_SIDE_PIXELS), interpolation=cv2.INTER_LINEAR)
    level = float(np.median(_crop_face_box(pixels, face)[::2, ::2]))
    gain = min(MAX_GAIN_FACTOR, TARGET_BRIGHTNESS_LEVEL / max(level, 1.0))
    return np.asarray(cv2.convertScaleAbs(crop, alpha=gain) if gain > 1 else crop, np.uint8)


def _crop_face_box(pixels: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    """Return the part of a frame that the face box covers; at least one pixel."""
    height, width = pixels.shape[:2]
    low = np.clip(face.box[:2], 0, (width - 1, height - 1)).astype(int)
    high = np.clip(face.box[:2] + face.box[2:], low + 1, (width, height)).astype(int)
    return pixels[low[1] : high[1], low[0] : high[0]]


def make_fingerprint(pixels: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    """Sample the green of single pixels, whose noise never comes twice from a camera."""
    inside = _crop_face_box(pixels, face)
    rows = np.linspace(0, inside.shape[0] - 1, FINGERPRINT_SIDE_SAMPLES).astype(int)
    columns = np.linspace(0, inside.shape[1] - 1, FINGERPRINT_SIDE_SAMPLES).astype(int)
    return np.ascontiguousarray(inside[np.ix_(rows, columns)][:, :, 1]).ravel()
