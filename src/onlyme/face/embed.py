"""An aligned face comes in; the frozen network's vector goes out, at unit length."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import cv2
import numpy as np

from onlyme.errors import ModelError, ModelRefused
from onlyme.types import Embedding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from onlyme.face.models import Model

    NetworkFunction = Callable[[NDArray[np.float32]], Sequence[NDArray[np.float32]]]

__all__ = ["Embedder"]


class Embedder:
    """One network. Safe to call from several threads, one at a time inside.

    Args:
        model: the manifest entry; says how to feed the network.
        run: the network as another engine than OpenCV runs it, made of the checked bytes.

    Attributes:
        model: sha256 of the network, which every embedding carries.
        dimension: length of its vectors.
        size: side of the aligned face that it takes, in pixels.

    Raises:
        ModelMissing: when the network's file is not there.
        ModelRefused: when it is not the right one, or OpenCV cannot load it.
    """

    def __init__(self, model: Model, run: NetworkFunction | None = None) -> None:
        self.model = model.sha256
        self.dimension = model.dimension
        self.size = model.size
        self._scale = model.scale
        self._mean = model.mean
        self._run = run or _load_opencv(model)
        self._lock = Lock()

    def embed(self, aligned: NDArray[np.uint8]) -> Embedding:
        """Embed one face.

        Args:
            aligned: uint8[size, size, 3], RGB, from `align`.

        Returns:
            The network's own vector; heads act only later.

        Raises:
            ModelError: when the network returns no direction (all zero, or not finite).
        """
        blob = np.asarray(
            cv2.dnn.blobFromImage(aligned, self._scale, mean=(self._mean,) * 3), np.float32
        )
        with self._lock:
            vector = np.array(self._run(blob)[0], np.float32).ravel()
        length = float(np.linalg.norm(vector))
        if vector.size != self.dimension or not np.isfinite(length) or length < 1e-6:
            raise ModelError(
                f"the embedder returned no usable vector ({vector.size} numbers, "
                f"{self.dimension} expected)"
            )
        return Embedding(vector / np.float32(length), self.model)


def _load_opencv(model: Model) -> NetworkFunction:
    try:
        with model.copy_to_memory() as path:
            net = cv2.dnn.readNetFromONNX(path)
    except cv2.error as error:
        raise ModelRefused(f"{model.path} cannot be loaded: {error.err}") from None

    def run(blob: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        net.setInput(blob)
        return (np.asarray(net.forward(), np.float32),)

    return run
