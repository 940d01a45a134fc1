"""Measure whether a face in a frame is good enough for recognition, and give advice.

The limits refuse only photos that make recognition worse. They come from about
6,000 press photos (LFW) and the SFace embedding: photos were made smaller, more
blurred, darker or brighter step by step. Each limit is where the similarity of a
photo to the other photos of its person begins to fall, while nearly all unchanged
photos still pass. Liveness and recognition have limits of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onlyme.errors import ImageError
from onlyme.face.pose import estimate_pose
from onlyme.types import Quality, QualityCheck

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["assess", "describe_light", "estimate_pose", "is_nearly_black"]

# In brackets: the miss rate at a cosine of 0.45 for photos at that value; it is 0.6 % for unchanged
# photos.
_MIN_EYE_DISTANCE_PIXELS: Final = 20.0  # pixels (20: 0.6 %; 12: 1.2 %; 8: 7.5 %)
_MIN_SHARPNESS_PERCENT: Final = (
    10.0  # % (blur of σ = 2.5 on a 45-pixel eye distance: 8, 1.2 %; σ = 4: 20 %)
)
_MIN_LIGHT_PERCENT, _MAX_LIGHT_PERCENT = 10.0, 85.0  # % (13: 1.2 %; 8: 1.9 %; 5: 6.9 %)
_MAX_CLIPPED_PERCENT: Final = 25.0  # % (29: 3.1 %; 61: 11.9 %)
_MAX_YAW_DEGREES, _MAX_PITCH_DEGREES, _MAX_ROLL_DEGREES = 55.0, 25.0, 45.0  # degrees

_LYING_DEGREES, _UPSIDE_DOWN_DEGREES = 65.0, 135.0  # no head is tilted so far, but photos are
_DARK_PICTURE_PERCENT, _BRIGHT_PICTURE_PERCENT = 4.0, 96.0  # of full brightness, in the mean

_SIDE_PIXELS: Final = 112  # side of the embedder's input; it cannot use more detail than that
_RIM_PIXELS: Final = 14  # hair and background at the edge of the box are left out
_BLACK_LEVEL, _WHITE_LEVEL = 8, 247


def assess(
    pixels: NDArray[np.uint8], box: NDArray[np.float32], landmarks: NDArray[np.float32]
) -> Quality:
    """Measure whether a face is good enough to be enrolled.

    The checks, in this order:

    - `size`: pixels between the eyes;
    - `sharpness`: share of fine detail in the face's contrast, in %: the standard
      deviation of the Laplacian divided by that of the grey values, both on the
      face scaled to 112×112, so that it depends neither on the resolution of the
      photo nor on its light;
    - `exposure`: mean of the grey values in %;
    - `clipping`: pixels that are nearly black or white, in %;
    - `yaw`, `pitch`, `roll`: degrees, with the signs of `pose`.

    Args:
        pixels: uint8[h, w, 3], RGB.
        box: float32[4], left, top, width, height; may reach over the border.
        landmarks: float32[5, 2] in the order of `Face.landmarks`.

    Returns:
        The seven checks.

    Raises:
        ImageError: the box is outside the frame.
    """
    grey = _crop_grey_face(pixels, box)
    points = np.asarray(landmarks, dtype=np.float64)
    return Quality(
        (
            _check_size(float(np.hypot(*(points[1] - points[0])))),
            _check_sharpness(grey),
            _check_exposure(grey[_RIM_PIXELS:-_RIM_PIXELS, _RIM_PIXELS:-_RIM_PIXELS]),
            _check_clipping(grey[_RIM_PIXELS:-_RIM_PIXELS, _RIM_PIXELS:-_RIM_PIXELS]),
            *_check_pose(landmarks),
        )
    )


def is_nearly_black(pixels: NDArray[np.uint8]) -> bool:
    """Say whether a picture is too dark for any face: no light, or something before the camera.

    >>> is_nearly_black(np.zeros((4, 4, 3), np.uint8))
    True
    """
    return float(pixels[::4, ::4].mean()) / 2.55 < _DARK_PICTURE_PERCENT


def describe_light(pixels: NDArray[np.uint8]) -> str:
    """Say that a picture without a face is too dark or too bright for one; else nothing.

    >>> describe_light(np.zeros((4, 4, 3), np.uint8))
    'no face found; the picture is nearly black: turn on a light'
    """
    light = float(pixels[::4, ::4].mean()) / 2.55
    if is_nearly_black(pixels):
        return "no face found; the picture is nearly black: turn on a light"
    if light > _BRIGHT_PICTURE_PERCENT:
        return "no face found; the picture is nearly white: use less light"
    return ""


def _crop_grey_face(pixels: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the part of the box that lies inside the frame, grey, float32[112, 112]."""
    import cv2

    height, width = pixels.shape[:2]
    if not np.isfinite(box).all():
        raise ImageError("frame", "the box of the face holds values that are not numbers")
    edges = np.round([box[0], box[1], box[0] + box[2], box[1] + box[3]])
    left, right = np.clip(edges[[0, 2]], 0, width).astype(int)
    top, bottom = np.clip(edges[[1, 3]], 0, height).astype(int)
    if right - left < 1 or bottom - top < 1:
        raise ImageError("frame", "the box of the face is outside it")
    # For a much larger face every n-th pixel gives the same result, in a fraction of the time.
    step = max(1, min(bottom - top, right - left) // (2 * _SIDE_PIXELS))
    part = np.ascontiguousarray(pixels[top:bottom:step, left:right:step])
    crop = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
    how = cv2.INTER_AREA if min(crop.shape) > _SIDE_PIXELS else cv2.INTER_LINEAR
    scaled: Any = cv2.resize(crop, (_SIDE_PIXELS, _SIDE_PIXELS), interpolation=how)
    return np.asarray(scaled, dtype=np.float32)


def _check_size(eyes: float) -> QualityCheck:
    return _make_check(
        "size",
        eyes,
        "pixels between the eyes",
        ok=eyes >= _MIN_EYE_DISTANCE_PIXELS,
        advice=f"Come closer: your eyes are {eyes:.0f} pixels apart, "
        f"{_MIN_EYE_DISTANCE_PIXELS:.0f} are needed.",
    )


def _check_sharpness(grey: NDArray[np.float32]) -> QualityCheck:
    import cv2

    inner = grey[_RIM_PIXELS:-_RIM_PIXELS, _RIM_PIXELS:-_RIM_PIXELS]
    detail = cv2.Laplacian(grey, cv2.CV_32F)[_RIM_PIXELS:-_RIM_PIXELS, _RIM_PIXELS:-_RIM_PIXELS]
    # Plus one grey value, so that a face without any contrast is not sharp either.
    share = 100.0 * float(detail.std()) / (float(inner.std()) + 1.0)
    return _make_check(
        "sharpness",
        share,
        "%",
        ok=share >= _MIN_SHARPNESS_PERCENT,
        advice="Hold still or wipe the lens: the face is blurred "
        f"(sharpness {share:.0f} %, {_MIN_SHARPNESS_PERCENT:.0f} % are needed).",
    )


def _check_exposure(inner: NDArray[np.float32]) -> QualityCheck:
    light = float(inner.mean()) / 2.55
    if light < _MIN_LIGHT_PERCENT:
        advice = f"Turn on a light: the face is too dark ({light:.0f} % of full brightness)."
    else:
        advice = f"Less light, please: the face is too bright ({light:.0f} % of full brightness)."
    return _make_check(
        "exposure", light, "%", ok=_MIN_LIGHT_PERCENT <= light <= _MAX_LIGHT_PERCENT, advice=advice
    )


def _check_clipping(inner: NDArray[np.float32]) -> QualityCheck:
    black, white = (
        float((inner <= _BLACK_LEVEL).mean()) * 100,
        float((inner >= _WHITE_LEVEL).mean()) * 100,
    )
    if white >= black:
        advice = f"Avoid the glare: {white:.0f} % of the face is plain white."
    else:
        advice = f"Light the face more evenly: {black:.0f} % of it is plain black."
    share = black + white
    return _make_check("clipping", share, "%", ok=share <= _MAX_CLIPPED_PERCENT, advice=advice)


def _check_pose(landmarks: NDArray[np.float32]) -> tuple[QualityCheck, QualityCheck, QualityCheck]:
    yaw, pitch, roll = estimate_pose(landmarks)
    turn = "right" if yaw > 0 else "left"  # back to the camera, as the person sees it
    tilt = "right" if roll > 0 else "left"
    nod = "Lower" if pitch > 0 else "Raise"
    straighten = f"Straighten your head, towards your {tilt} shoulder: it is tilted"
    if abs(roll) > _UPSIDE_DOWN_DEGREES:
        straighten = "Turn the photo: it is upside down, the face is tilted"
    elif abs(roll) > _LYING_DEGREES:
        straighten = "Turn the photo by a quarter: it lies on its side, the face is tilted"
    return (
        _make_check(
            "yaw",
            yaw,
            "degrees",
            ok=abs(yaw) <= _MAX_YAW_DEGREES,
            advice=f"Turn your head to your {turn}, towards the camera: "
            f"it is turned away by {abs(yaw):.0f}°.",
        ),
        _make_check(
            "pitch",
            pitch,
            "degrees",
            ok=abs(pitch) <= _MAX_PITCH_DEGREES,
            advice=f"{nod} your chin: you look past the camera by {abs(pitch):.0f}°.",
        ),
        _make_check(
            "roll",
            roll,
            "degrees",
            ok=abs(roll) <= _MAX_ROLL_DEGREES,
            advice=f"{straighten} by {abs(roll):.0f}°.",
        ),
    )


def _make_check(name: str, value: float, unit: str, *, ok: bool, advice: str) -> QualityCheck:
    return QualityCheck(name, value, unit, ok, "" if ok else advice)
