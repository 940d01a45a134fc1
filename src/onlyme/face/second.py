"""See a face a second time: by another network, and by the first one in a mirror.

Two networks err in other faces, and one network errs otherwise in a face and in its mirror image.

Source: the embeddings of a picture and of its mirror image are commonly joined where face
recognition is judged (e.g. Deng et al., ArcFace, 2019).
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from onlyme.types import Embedding

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from onlyme.face.protocols import FaceEmbedder

__all__ = ["SecondEmbedder", "SecondEmbedding"]


class SecondEmbedder:
    """Embeds a face by another network, and its mirror image by the first network.

    Args:
        other: the other network.
        first: the network that saw the face before.

    Attributes:
        model: names both networks, as a sha256 (hex); each embedding holds it too.
        dimension: length of its vectors: the other network's and then the first one's.
        size: side of the aligned face that both take, in pixels.
    """

    def __init__(self, other: FaceEmbedder, first: FaceEmbedder) -> None:
        self._other, self._first = other, first
        self.model = sha256(f"{other.model} {first.model} mirror".encode()).hexdigest()
        self.dimension = other.dimension + first.dimension
        self.size = first.size

    def embed(self, aligned: NDArray[np.uint8]) -> Embedding:
        """Embed one face.

        Args:
            aligned: uint8[size, size, 3], RGB, from `align`.

        Returns:
            Both vectors, one after the other and of the same length; see
            `onlyme.siamese.second.SecondRule`.

        Raises:
            ModelError: a network returned no direction.
        """
        mirrored = np.ascontiguousarray(aligned[:, ::-1])
        views = self._other.embed(aligned).vector, self._first.embed(mirrored).vector
        return Embedding(np.concatenate(views) * np.float32(0.5**0.5), self.model)


class SecondEmbedding:
    """The second look's embedding of one face, computed when it is first asked for.

    Args:
        load: returns what looks a second time.
        aligned: uint8[size, size, 3], RGB, the face as the first network saw it.
        steady: it is to be computed for each face, so that time tells nothing.
    """

    def __init__(
        self, load: Callable[[], FaceEmbedder], aligned: NDArray[np.uint8], *, steady: bool
    ) -> None:
        self.steady = steady
        self._load, self._aligned = load, aligned
        self._result: Embedding | None = None

    def compute(self) -> Embedding:
        """Return the embedding.

        Raises:
            ModelError: the network cannot be used.
        """
        if self._result is None:
            self._result = self._load().embed(self._aligned)
        return self._result
