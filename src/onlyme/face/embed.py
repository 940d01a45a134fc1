"""Embed an aligned face by the frozen network, as a vector of unit length."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onlyme.errors import ModelError
from onlyme.face.models.opencv import load_network
from onlyme.types import Embedding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.face.models import Model
    from onlyme.types import NetworkFunction

__all__ = ["VERSION", "Embedder"]

VERSION: Final = 1
"""Raise it when a change here gives other vectors; see `onlyme.face.versions`."""


class Embedder:
    """One network. Safe to call from several threads, one at a time inside.

    Args:
        model: the manifest entry; it says what input the network takes.
        run: the network, loaded from the checked file by another engine; by default OpenCV
            loads it.

    Attributes:
        model: sha256 of the network; each embedding holds it too.
        dimension: length of its vectors.
        size: side of the aligned face that it takes, in pixels.
        whole: it takes the whole picture, made small, and no aligned face.

    Raises:
        ModelMissing: the network's file is not there.
        ModelRefused: it is not the file that the manifest names, or OpenCV cannot load it.
    """

    def __init__(self, model: Model, run: NetworkFunction | None = None) -> None:
        self.model = model.sha256
        self.dimension = model.dimension
        self.size = model.size
        self.whole = model.whole
        self._scale = model.scale
        self._mean = model.mean
        self._run = run or load_network(model)
        self._lock = Lock()

    def embed(self, aligned: NDArray[np.uint8]) -> Embedding:
        """Embed one face.

        Args:
            aligned: uint8[size, size, 3], RGB, from `align`.

        Returns:
            The network's own vector; a learned head is applied only later.

        Raises:
            ModelError: the network returned no direction (all zero, or not finite).
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
