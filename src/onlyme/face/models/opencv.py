"""Load networks of one input through OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from onlyme.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onlyme.face.models import Model
    from onlyme.types import NetworkFunction

__all__ = ["load_network", "load_tflite"]


def load_network(model: Model) -> NetworkFunction:
    """Load a network's checked file; return a function from its input to its output.

    Raises:
        ModelMissing: the file is not there.
        ModelRefused: it is not the file that the manifest names, or OpenCV cannot load it.
    """
    try:
        with model.copy_to_memory() as path:
            net = cv2.dnn.readNetFromONNX(path)
    except cv2.error as error:
        raise ModelRefused(f"{model.path} cannot be loaded: {error.err}") from None

    def run(blob: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        net.setInput(blob)
        return (np.asarray(net.forward(), np.float32),)

    return run


def load_tflite(model: Model, outputs: Sequence[str]) -> NetworkFunction:
    """Load a TFLite network's checked file; return a function from its input to these outputs.

    Pictures have their colours before rows and columns, unlike in the file.

    Raises:
        ModelMissing: the file is not there.
        ModelRefused: it is not the file that the manifest names, or OpenCV cannot load it.
    """
    try:
        with model.copy_to_memory() as path:
            # OpenCV's new engine returns only the last output of a TFLite file.
            net = cv2.dnn.readNetFromTFLite(path, cv2.dnn.ENGINE_CLASSIC)
    except cv2.error as error:
        raise ModelRefused(f"{model.path} cannot be loaded: {error.err}") from None

    def run(blob: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        net.setInput(blob)
        return [np.asarray(output, np.float32) for output in net.forward(list(outputs))]

    return run
