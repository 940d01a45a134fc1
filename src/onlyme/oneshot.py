"""One call, no vault: embed a face, compare two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import ImageError, UsageError
from onlyme.types import Embedding, Reason

if TYPE_CHECKING:
    from onlyme.enrolling import Photo

__all__ = ["compare", "embed"]

_CAUSE = {
    Reason.NO_FACE: "no face found",
    Reason.MANY_FACES: "several faces of like size; cut the picture to one person",
}


def embed(image: Photo) -> Embedding:
    """Return the frozen network's own vector of the face that a picture shows.

    Args:
        image: a path, bytes, a PIL image, or a uint8[h, w, 3] RGB array; an embedding
            is returned as it is.

    Returns:
        float32[128] of unit length, with the hash of the network that made it. Two can
        be compared when they are of one network.

    Raises:
        ImageError: the picture cannot be used, or shows no face or several.
        ModelError: a network cannot be used.

    >>> embed("ada.jpg").vector.shape                                # doctest: +SKIP
    (128,)
    """
    from onlyme import wiring
    from onlyme.settings import Settings

    if isinstance(image, Embedding):
        return image
    sight = wiring.pipeline(Settings.load()).look(image)
    if sight.embedding is None:
        cause = _CAUSE.get(sight.reason) if sight.reason else None
        raise ImageError(sight.frame.source, cause or "no face can be used")
    return sight.embedding


def compare(image_a: Photo, image_b: Photo) -> float:
    """Return the distance between the faces of two pictures, 0 (the same) to 2 (opposite).

    Of one person it is mostly below 1.1, of two people above. It is the plain Euclidean
    distance of the network's own vectors; a decision with a known error rate is made by
    `FaceID.verify`.

    Args:
        image_a: a picture or embedding, as for `embed`.
        image_b: another.

    Raises:
        ImageError: a picture cannot be used, or shows no face or several.
        UsageError: the embeddings were made by two networks.
    """
    a, b = embed(image_a), embed(image_b)
    if a.model != b.model:
        raise UsageError("embeddings of two networks cannot be compared")
    return float(np.linalg.norm(a.vector.astype(np.float64) - b.vector))
