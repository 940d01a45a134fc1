"""Measure whether a photo shows enough of a face to learn from it, and give advice.

Recognition may look at poor pictures: it then rejects the owner more often. Learning may not.
A photo that is blurred in one direction, full of noise, nearly without contrast or strongly
compressed resembles all photos of that kind, of any person, and so do faces behind
sunglasses or a mask. Strangers before the same camera would then be accepted many times more
often than promised (docs/explanation/head.md).

All but one measure look at the aligned face, so that neither the size of the photo nor a tilted
head matters. The limits refuse most degraded photos of tools/degradations.py and, with those of
`quality`, about one press photo in 120; many of these show dark glasses or deep shadow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from onlyme.face.align import align
from onlyme.face.covers import measure_covers
from onlyme.face.quality import assess
from onlyme.types import Face, Quality, QualityCheck

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["assess_for_enrollment", "is_only_covered"]

_EYES_CHECKS: Final = ("eyes", "covered eyes")
_MOUTH_CHECKS: Final = ("mouth", "covered mouth")

# In brackets: the value that 99.5 % of press photos reach, then the middle photo that was degraded.
_MIN_DETAIL_PERCENT: Final = 25.0  # % (33; motion blur of 13 pixels slanted: 13)
_MAX_NOISE_GREY_VALUES: Final = 5.0  # grey values (1.7; noise: 10)
_MAX_BLOTCHES_GREY_VALUES: Final = 7.5  # grey values (2.3; coarse noise of an enlarged photo: 14)
_MIN_CONTRAST_PERCENT: Final = 12.0  # % of the brightness (15; little contrast: 8)
_MIN_EYES_PERCENT: Final = 33.0  # % of the brightness of the cheeks (43; sunglasses: 19)
_MIN_MOUTH_PERCENT: Final = 3.0  # % (10, and 4.5 for each of 120 webcam frames; mask: 0)
_MAX_COVERED_EYES_PERCENT: Final = 95.0  # % (85; sunglasses: 99.9)
_MAX_COVERED_MOUTH_PERCENT: Final = 95.0  # % (14; mask: 100)
_MAX_BLOCKS_RATIO: Final = 1.5  # (1.3; JPEG of quality 10: 2.0)

_SIDE_PIXELS: Final = 112
_FACE: Final = (slice(30, 104), slice(18, 94))  # of the aligned face, without hair and background
_EYES: Final = ((slice(44, 60), slice(28, 49)), (slice(44, 60), slice(64, 85)))
_CHEEKS: Final = ((slice(66, 84), slice(24, 40)), (slice(66, 84), slice(72, 88)))
_MOUTH: Final = (slice(84, 102), slice(36, 78))
_STEP_PIXELS: Final = 2  # from a pixel to the neighbours that it is compared with
_USUAL_DETAIL_PERCENT: Final = (46, 45, 46, 50, 51, 53, 55, 53, 51, 49, 46, 45)
"""Detail of the middle press photo in % of the face's contrast, in 12 directions from across."""
_COARSE_SIDE_PIXELS: Final = 28
_COARSE_FACE: Final = (slice(7, 26), slice(4, 23))
_JPEG_BLOCK_PIXELS: Final = 8
_MAX_EDGE_GREY_VALUES: Final = 20.0  # stronger edges belong to the face


def assess_for_enrollment(
    pixels: NDArray[np.uint8], box: NDArray[np.float32], landmarks: NDArray[np.float32]
) -> Quality:
    """Measure whether a face is good enough to learn from.

    The checks of `quality.assess`, and after them:

    - `detail`: the detail of the poorest of 12 directions, in % of a press photo's, and less
      where other directions have more: motion blur takes the detail of one direction only;
    - `noise`: of single pixels, in grey values (Immerkær, 1996);
    - `blotches`: the same of the colours of the face in a quarter of its size: coarse noise;
    - `contrast`: the standard deviation of the grey values in % of their mean;
    - `eyes`: brightness of the eyes in % of that of the cheeks: dark glasses;
    - `mouth`: detail from top to bottom about the mouth, in % of the face's contrast: a mask;
    - `covered eyes`, `covered mouth`: how surely something covers them, in %, by a small network:
      glasses of any shape, the shadow of a cap, a patterned mask, a scarf, a hand;
    - `compression`: how much larger steps between the blocks of a JPEG are than those inside.

    Args:
        pixels: uint8[h, w, 3], RGB.
        box: float32[4], left, top, width, height; may reach over the border.
        landmarks: float32[5, 2] in the order of `Face.landmarks`.

    Raises:
        ImageError: the box is outside the frame.
    """
    quality = assess(pixels, box, landmarks)
    upright = _align_face(pixels, box, landmarks)
    grey = _make_grey(upright)
    contrast = float(grey[_FACE].std()) + 1.0
    return Quality(
        (
            *quality.checks,
            _check_detail(grey, contrast),
            _check_noise(grey),
            _check_blotches(upright),
            _check_contrast(grey[_FACE]),
            _check_eyes(grey),
            _check_mouth(grey, contrast),
            *_check_covers(grey),
            _check_compression(pixels, box),
        )
    )


def is_only_covered(quality: Quality) -> bool:
    """Say whether a photo would be learned from if its eyes and mouth were not called covered."""
    failed = {check.name for check in quality.checks if not check.ok}
    return bool(failed) and failed <= {*_EYES_CHECKS, *_MOUTH_CHECKS}


def _align_face(
    pixels: NDArray[np.uint8], box: NDArray[np.float32], landmarks: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return the upright face, uint8[112, 112, 3]; plain grey where landmarks are none."""
    points = np.asarray(landmarks, np.float64)
    if not np.isfinite(points).all() or np.ptp(points, axis=0).max() < 1.0:
        return np.full((_SIDE_PIXELS, _SIDE_PIXELS, 3), 128, np.uint8)
    # As for the network: a large photo is shrunk by averaging, so that its noise does not count.
    return align(pixels, Face(box, landmarks, 1.0), _SIDE_PIXELS)


def _make_grey(upright: NDArray[np.uint8]) -> NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.cvtColor(upright, cv2.COLOR_RGB2GRAY), np.float32)


def _check_detail(grey: NDArray[np.float32], contrast: float) -> QualityCheck:
    import cv2

    rows, columns = np.mgrid[_FACE].astype(np.float32)
    share = []
    turns = np.arange(len(_USUAL_DETAIL_PERCENT)) * np.pi / len(_USUAL_DETAIL_PERCENT)
    for turn, usual in zip(turns, _USUAL_DETAIL_PERCENT, strict=True):
        right, down = _STEP_PIXELS * float(np.cos(turn)), _STEP_PIXELS * float(np.sin(turn))
        ahead, behind = (
            np.asarray(
                cv2.remap(
                    *(grey, columns + sign * right, rows + sign * down, cv2.INTER_CUBIC),
                    borderMode=cv2.BORDER_REPLICATE,
                )
            )
            for sign in (1, -1)
        )
        bend = ahead + behind - 2 * grey[_FACE]
        share.append(100.0 * float(bend.std()) / contrast / usual)
    # A face with little detail in all directions is only soft; recognition copes with that.
    value = 100.0 * min(share) * (min(share) / (max(share) + 1e-6)) ** 0.5
    return _make_check(
        "detail",
        value,
        "%",
        ok=value >= _MIN_DETAIL_PERCENT,
        advice="Hold still and wipe the lens: the face is blurred in one direction "
        f"(detail {value:.0f} %, {_MIN_DETAIL_PERCENT:.0f} % are needed).",
    )


def _measure_noise(picture: NDArray[np.float32], part: tuple[slice, slice]) -> float:
    """Return the noise of one part in grey values (Immerkær, 1996)."""
    import cv2

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    residue = np.asarray(cv2.filter2D(picture, -1, kernel))[part]
    return float(np.sqrt(np.pi / 2) / 6 * np.abs(residue).mean())


def _check_noise(grey: NDArray[np.float32]) -> QualityCheck:
    noise = _measure_noise(grey, _FACE)
    return _make_check(
        "noise",
        noise,
        "grey values",
        ok=noise <= _MAX_NOISE_GREY_VALUES,
        advice="Turn on a light: the picture is full of noise "
        f"({noise:.1f} grey values, at most {_MAX_NOISE_GREY_VALUES:.0f} are good enough).",
    )


def _check_blotches(upright: NDArray[np.uint8]) -> QualityCheck:
    import cv2

    size = (_COARSE_SIDE_PIXELS, _COARSE_SIDE_PIXELS)
    coarse = np.asarray(cv2.resize(upright.astype(np.float32), size, interpolation=cv2.INTER_AREA))
    blotches = max(_measure_noise(coarse[..., at] - coarse[..., 1], _COARSE_FACE) for at in (0, 2))
    return _make_check(
        "blotches",
        blotches,
        "grey values",
        ok=blotches <= _MAX_BLOTCHES_GREY_VALUES,
        advice="Turn on a light, or use the original photo: the face is full of coloured blotches "
        f"({blotches:.1f} grey values, at most {_MAX_BLOTCHES_GREY_VALUES:.1f} are good enough).",
    )


def _check_contrast(face: NDArray[np.float32]) -> QualityCheck:
    share = 100.0 * float(face.std()) / (float(face.mean()) + 1.0)
    return _make_check(
        "contrast",
        share,
        "%",
        ok=share >= _MIN_CONTRAST_PERCENT,
        advice="Wipe the lens, or turn away from the light behind you: the face is nearly one "
        f"grey (contrast {share:.0f} %, {_MIN_CONTRAST_PERCENT:.0f} % are needed).",
    )


def _check_eyes(grey: NDArray[np.float32]) -> QualityCheck:
    eyes = float(np.mean([np.percentile(grey[part], 75) for part in _EYES]))
    cheeks = float(np.median(np.concatenate([grey[part].ravel() for part in _CHEEKS])))
    share = 100.0 * eyes / (cheeks + 1.0)
    return _make_check(
        _EYES_CHECKS[0],
        share,
        "%",
        ok=share >= _MIN_EYES_PERCENT,
        advice="Take off dark glasses, or push back your cap: your eyes cannot be seen "
        f"(brightness {share:.0f} % of the cheeks, {_MIN_EYES_PERCENT:.0f} % are needed).",
    )


def _check_mouth(grey: NDArray[np.float32], contrast: float) -> QualityCheck:
    steps = 100.0 * float(np.abs(np.diff(grey[_MOUTH], axis=0)).mean()) / contrast
    return _make_check(
        _MOUTH_CHECKS[0],
        steps,
        "%",
        ok=steps >= _MIN_MOUTH_PERCENT,
        advice="Take off the mask or scarf: your mouth cannot be seen "
        f"(detail {steps:.0f} %, {_MIN_MOUTH_PERCENT:.0f} % are needed).",
    )


def _check_covers(grey: NDArray[np.float32]) -> tuple[QualityCheck, QualityCheck]:
    eyes, mouth = measure_covers(grey)
    return (
        _make_check(
            _EYES_CHECKS[1],
            eyes,
            "%",
            ok=eyes <= _MAX_COVERED_EYES_PERCENT,
            advice="Take off dark glasses, or push back your cap: your eyes cannot be seen "
            f"({eyes:.0f} % sure, at most {_MAX_COVERED_EYES_PERCENT:.0f} % are good enough).",
        ),
        _make_check(
            _MOUTH_CHECKS[1],
            mouth,
            "%",
            ok=mouth <= _MAX_COVERED_MOUTH_PERCENT,
            advice="Take off the mask or scarf, or take your hand away: your mouth cannot be seen "
            f"({mouth:.0f} % sure, at most {_MAX_COVERED_MOUTH_PERCENT:.0f} % are good enough).",
        ),
    )


def _check_compression(pixels: NDArray[np.uint8], box: NDArray[np.float32]) -> QualityCheck:
    import cv2

    height, width = pixels.shape[:2]
    left, top = (int(edge) for edge in np.clip(np.floor(box[:2]), 0, (width, height)))
    right, bottom = (int(e) for e in np.clip(np.floor(box[:2] + box[2:]), 0, (width, height)))
    ratios = [1.0]
    if min(right - left, bottom - top) >= 3 * _JPEG_BLOCK_PIXELS:
        part = np.ascontiguousarray(pixels[top:bottom, left:right])
        grey = np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.float32)
        ratios = [_compare_steps(grey, top), _compare_steps(grey.T, left)]
    ratio = min(ratios)
    return _make_check(
        "compression",
        ratio,
        "times",
        ok=ratio <= _MAX_BLOCKS_RATIO,
        advice="Use the original photo: this one is compressed until it shows blocks "
        f"({ratio:.1f} times, at most {_MAX_BLOCKS_RATIO:.1f} are good enough).",
    )


def _compare_steps(grey: NDArray[np.float32], start: int) -> float:
    """Return how much larger steps between JPEG blocks are than those in their middle."""
    steps = np.minimum(np.abs(np.diff(grey, axis=0)), _MAX_EDGE_GREY_VALUES).mean(axis=1)
    place = (np.arange(len(steps)) + start + 1) % _JPEG_BLOCK_PIXELS
    inside = (place >= 2) & (place <= _JPEG_BLOCK_PIXELS - 2)
    return float(steps[place == 0].mean() / (steps[inside].mean() + 0.05))


def _make_check(name: str, value: float, unit: str, *, ok: bool, advice: str) -> QualityCheck:
    return QualityCheck(name, value, unit, ok, "" if ok else advice)
