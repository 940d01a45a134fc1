"""Draw a small picture with the terminal's characters, so that a user sees what a camera sees."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["choose_width", "describe_view", "draw_picture"]

_DARK_LEVEL = 40.0  # mean brightness, 0 to 255, below which a face is hard to see

_RAMP = " .:-=+*#%@"
_CELL_SHAPE = 2.0  # a character is about twice as high as it is wide


def draw_picture(
    pixels: NDArray[np.uint8], width: int = 48, *, colours: bool | None = None
) -> list[str]:
    """Draw a picture as lines of text.

    Args:
        pixels: uint8[h, w, 3], RGB.
        width: of the drawing, in characters.
        colours: whether the terminal shows 24-bit colours; by default as COLORTERM says.

    >>> import numpy as np
    >>> draw_picture(np.full((4, 8, 3), 255, np.uint8), width=4, colours=False)
    ['@@@@']
    """
    import cv2

    if colours is None:
        colours = os.environ.get("COLORTERM") in {"truecolor", "24bit"}
    height = max(1, round(width * pixels.shape[0] / pixels.shape[1] / _CELL_SHAPE))
    rows = 2 * height if colours else height
    small = cv2.resize(pixels, (width, rows), interpolation=cv2.INTER_AREA)
    if not colours:
        levels = small.mean(axis=2) / 255 * (len(_RAMP) - 1)
        return ["".join(_RAMP[round(float(level))] for level in row) for row in levels]
    return [
        "".join(map(_draw_pair, small[row], small[row + 1])) + "\x1b[0m"
        for row in range(0, rows, 2)
    ]


def choose_width(pixels: NDArray[np.uint8], columns: int, lines: int) -> int:
    """Return the width in characters at which a drawing fits a terminal, 48 at most.

    Args:
        pixels: uint8[h, w, 3], the picture.
        columns: of the terminal.
        lines: of the terminal that are free.

    >>> import numpy as np
    >>> choose_width(np.zeros((480, 480, 3), np.uint8), columns=80, lines=22)
    44
    """
    height, width = pixels.shape[:2]
    return max(1, min(48, columns, int(lines * _CELL_SHAPE * width / height)))


def describe_view(pixels: NDArray[np.uint8]) -> str:
    """Return size and brightness of a camera's picture in words.

    Args:
        pixels: uint8[h, w, 3], RGB.

    >>> import numpy as np
    >>> describe_view(np.zeros((480, 640, 3), np.uint8))
    '640×480, brightness 0 %; dark: switch on a light'
    """
    height, width = pixels.shape[:2]
    level = float(pixels.mean())
    hint = "; dark: switch on a light" if level < _DARK_LEVEL else ""
    return f"{width}×{height}, brightness {level / 2.55:.0f} %{hint}"


def _draw_pair(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> str:
    """Draw two pixels as one character: the upper half block on a background."""
    front, back = (";".join(map(str, pixel.tolist())) for pixel in (upper, lower))
    return f"\x1b[38;2;{front}m\x1b[48;2;{back}m▀"
