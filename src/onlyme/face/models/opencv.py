"""Load a network of one input through OpenCV."""

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

__all__ = ["load_network"]


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
