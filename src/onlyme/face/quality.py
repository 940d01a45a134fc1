"""A face in a frame → how fit it is for recognition, with advice in plain words.

The limits refuse only what hurts. They come from some 6,000 press photos (LFW)
and the SFace embedding: photos were made smaller, more blurred, darker or
brighter step by step, and each limit stands where the similarity of a photo to
the other photos of its person has begun to fall, while nearly all photos as
they are still pass. Liveness and recognition have limits of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onlyme.errors import ImageError
from onlyme.face.pose import pose
from onlyme.types import Check, Quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["assess", "pose"]

# In brackets: what the miss rate at a cosine of 0.45, 0.6 % for untouched photos, is there.
_MIN_EYES: Final = 20.0  # pixels (20: 0.6 %; 12: 1.2 %; 8: 7.5 %)
_MIN_SHARPNESS: Final = (
    10.0  # % (blur of σ = 2.5 on a 45-pixel eye distance: 8, 1.2 %; σ = 4: 20 %)
)
_MIN_LIGHT, _MAX_LIGHT = 10.0, 85.0  # % (13: 1.2 %; 8: 1.9 %; 5: 6.9 %)
_MAX_CLIPPED: Final = 25.0  # % (29: 3.1 %; 61: 11.9 %)
_MAX_YAW, _MAX_PITCH, _MAX_ROLL = 55.0, 25.0, 45.0  # degrees

_SIDE: Final = 112  # what the embedder sees; more detail than this cannot help it
_RIM: Final = 14  # hair and background at the edge of the box do not count
_BLACK, _WHITE = 8, 247


def assess(
    pixels: NDArray[np.uint8], box: NDArray[np.float32], landmarks: NDArray[np.float32]
) -> Quality:
    """Measure whether a face is fit to be enrolled.

    The checks, in this order:

    - `size`: pixels between the eyes;
    - `sharpness`: how much of the face's contrast is fine detail, in %: the
      standard deviation of the Laplacian over that of the grey values, both on
      the face scaled to 112×112, so that it depends neither on the resolution
      of the photo nor on its light;
    - `exposure`: mean of the grey values in %;
    - `clipping`: pixels that are as good as black or white, in %;
    - `yaw`, `pitch`, `roll`: degrees, with the signs of `pose`.

    Args:
        pixels: uint8[h, w, 3], RGB.
        box: float32[4], left, top, width, height; may reach over the border.
        landmarks: float32[5, 2] in the order of `Face.landmarks`.

    Returns:
        The seven checks.

    Raises:
        ImageError: when the box lies outside the frame.
    """
    grey = _face(pixels, box)
    points = np.asarray(landmarks, dtype=np.float64)
    return Quality(
        (
            _size(float(np.hypot(*(points[1] - points[0])))),
            _sharpness(grey),
            _exposure(grey[_RIM:-_RIM, _RIM:-_RIM]),
            _clipping(grey[_RIM:-_RIM, _RIM:-_RIM]),
            *_pose(landmarks),
        )
    )


def _face(pixels: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the part of the box that lies inside the frame, grey, float32[112, 112]."""
    import cv2

    height, width = pixels.shape[:2]
    if not np.isfinite(box).all():
        raise ImageError("frame", "the box of the face holds no numbers")
    edges = np.round([box[0], box[1], box[0] + box[2], box[1] + box[3]])
    left, right = np.clip(edges[[0, 2]], 0, width).astype(int)
    top, bottom = np.clip(edges[[1, 3]], 0, height).astype(int)
    if right - left < 1 or bottom - top < 1:
        raise ImageError("frame", "the box of the face lies outside it")
    # Of a face many times as large every n-th pixel says the same, in a fraction of the time.
    step = max(1, min(bottom - top, right - left) // (2 * _SIDE))
    part = np.ascontiguousarray(pixels[top:bottom:step, left:right:step])
    crop = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
    how = cv2.INTER_AREA if min(crop.shape) > _SIDE else cv2.INTER_LINEAR
    scaled: Any = cv2.resize(crop, (_SIDE, _SIDE), interpolation=how)
    return np.asarray(scaled, dtype=np.float32)


def _size(eyes: float) -> Check:
    return _check(
        "size",
        eyes,
        "pixels between the eyes",
        ok=eyes >= _MIN_EYES,
        advice=f"Come closer: your eyes are {eyes:.0f} pixels apart, {_MIN_EYES:.0f} are needed.",
    )


def _sharpness(grey: NDArray[np.float32]) -> Check:
    import cv2

    inner = grey[_RIM:-_RIM, _RIM:-_RIM]
    detail = cv2.Laplacian(grey, cv2.CV_32F)[_RIM:-_RIM, _RIM:-_RIM]
    # One grey value more: a face without any contrast is not sharp either.
    share = 100.0 * float(detail.std()) / (float(inner.std()) + 1.0)
    return _check(
        "sharpness",
        share,
        "%",
        ok=share >= _MIN_SHARPNESS,
        advice="Hold still or wipe the lens: the face is blurred "
        f"(sharpness {share:.0f} %, {_MIN_SHARPNESS:.0f} % are needed).",
    )


def _exposure(inner: NDArray[np.float32]) -> Check:
    light = float(inner.mean()) / 2.55
    if light < _MIN_LIGHT:
        advice = f"Turn on a light: the face is too dark ({light:.0f} % of full brightness)."
    else:
        advice = f"Less light, please: the face is too bright ({light:.0f} % of full brightness)."
    return _check("exposure", light, "%", ok=_MIN_LIGHT <= light <= _MAX_LIGHT, advice=advice)


def _clipping(inner: NDArray[np.float32]) -> Check:
    black, white = float((inner <= _BLACK).mean()) * 100, float((inner >= _WHITE).mean()) * 100
    if white >= black:
        advice = f"Avoid the glare: {white:.0f} % of the face is plain white."
    else:
        advice = f"Light the face more evenly: {black:.0f} % of it is plain black."
    share = black + white
    return _check("clipping", share, "%", ok=share <= _MAX_CLIPPED, advice=advice)


def _pose(landmarks: NDArray[np.float32]) -> tuple[Check, Check, Check]:
    yaw, pitch, roll = pose(landmarks)
    turn = "right" if yaw > 0 else "left"  # back to the camera, in the person's own terms
    tilt = "right" if roll > 0 else "left"
    nod = "Lower" if pitch > 0 else "Raise"
    return (
        _check(
            "yaw",
            yaw,
            "degrees",
            ok=abs(yaw) <= _MAX_YAW,
            advice=f"Turn your head to your {turn}, towards the camera: "
            f"it is turned away by {abs(yaw):.0f}°.",
        ),
        _check(
            "pitch",
            pitch,
            "degrees",
            ok=abs(pitch) <= _MAX_PITCH,
            advice=f"{nod} your chin: you look past the camera by {abs(pitch):.0f}°.",
        ),
        _check(
            "roll",
            roll,
            "degrees",
            ok=abs(roll) <= _MAX_ROLL,
            advice=f"Straighten your head, towards your {tilt} shoulder: "
            f"it is tilted by {abs(roll):.0f}°.",
        ),
    )


def _check(name: str, value: float, unit: str, *, ok: bool, advice: str) -> Check:
    return Check(name, value, unit, ok, "" if ok else advice)
