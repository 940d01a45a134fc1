"""Define what users say of a network of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ExtraNetwork"]


@dataclass(frozen=True, slots=True)
class ExtraNetwork:
    """A further liveness network, which may only refuse; `[[liveness.extra]]` in the settings.

    Attributes:
        path: the ONNX file; it takes one float32[1, 3, side, side].
        sha256: of the file, in hex.
        side: side of the input, in pixels.
        colours: order of the channels, `rgb` or `bgr`.
        scale: pixels, 0 to 255, have `mean` subtracted and are then multiplied by this.
        mean: see `scale`.
        context: side of the crop in sides of the face box; less where the frame is too small.
        live_class: the number of the output that stands for a living person, from 0.
        output: whether the outputs are `logits` or `probabilities`. One logit alone is that of a
            living person.
        threshold: the mean probability of an attempt below which the network refuses, 0 to 1.
    """

    path: Path
    sha256: str
    side: int
    colours: str
    scale: float
    mean: float
    context: float
    live_class: int
    output: str
    threshold: float
