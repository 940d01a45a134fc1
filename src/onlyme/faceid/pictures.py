"""Check what callers give as a picture: one picture, or the frames of one capture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.enrollment.expand import holds_many
from onlyme.errors import UsageError, show_argument

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onlyme.enrollment.photos import Photo, Picture

__all__ = ["check_color", "choose_one", "order_array", "order_colors"]


def choose_one(
    image: Photo | None, frames: Iterable[Picture] | None, color: str
) -> tuple[Any, Iterator[Any] | None]:
    """Return the picture that was given, or the frames, with their colours in order.

    Raises:
        UsageError: both or neither were given, or several pictures as one: in a list of different
            pictures one lucky picture must not speak for all.
    """
    if (image is None) == (frames is None):
        raise UsageError("give one picture, or the frames of one capture as frames=…")
    if frames is not None:
        return None, (order_colors(frame, color) for frame in _check_frames(frames))
    if holds_many(image):
        raise UsageError(
            "this is not one picture; for many use verify_all, identify_all or embed_all, and "
            "give the frames of one capture as frames=…"
        )
    return order_colors(image, color), None


def check_color(color: object) -> None:
    """Check the name of an order of colours.

    Raises:
        UsageError: it is neither `rgb` nor `bgr`.
    """
    if not isinstance(color, str) or color not in {"rgb", "bgr"}:
        raise UsageError(f"color={show_argument(color)} is not one of rgb, bgr")


def order_array(image: Any, color: str) -> Any:
    """Return one of several pictures, of which `color` is told of the arrays only."""
    return order_colors(image, color) if isinstance(image, np.ndarray) else image


def order_colors(image: Any, color: str) -> Any:
    """Return an array with its colours in the order red, green, blue; others as they are.

    Raises:
        UsageError: `color` is neither `rgb` nor `bgr`, or a picture that is no array has its own.
    """
    check_color(color)
    if color == "rgb":
        return image
    if not isinstance(image, np.ndarray):
        raise UsageError("color is for arrays; other pictures know the order of their colours")
    array = np.asarray(image)  # without the methods of a subclass
    return np.ascontiguousarray(array[..., ::-1]) if array.ndim == 3 else array


def _check_frames(frames: Any) -> Iterator[Any]:
    if not holds_many(frames):
        raise UsageError("frames is a list of pictures, or yields them")
    yield from frames
