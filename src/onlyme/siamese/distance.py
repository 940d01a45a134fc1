"""Measure how far two vectors are apart; smaller means nearer.

This room works with Euclidean distances between rows of unit length: 0 for the same
direction, √2 for unrelated ones, 2 for opposite ones. Cosine similarity `c` and this
distance `d` say the same: d = √(2 − 2c). The limits below say in their names whether they
are for the network's own space or for head space.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from onlyme.errors import UsageError
from onlyme.types import MAX_UNIT_LENGTH_ERROR

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "EQUAL_PICTURE_DISTANCE",
    "MAX_ROWS_WITHOUT_BLAS",
    "SAME_PERSON_DISTANCE",
    "SAME_PICTURE_DISTANCE",
    "SAME_PICTURE_HEAD_DISTANCE",
    "SHIPPED_LIMITS",
    "UNMEASURED_LIMITS",
    "UNRELATED_DISTANCE",
    "PhotoLimits",
    "check_unit_rows",
    "dot_rows",
    "measure_distances",
    "normalize",
]

UNRELATED_DISTANCE = float(np.sqrt(2.0))
"""Distance of two vectors that have nothing in common (a right angle)."""

SAME_PICTURE_DISTANCE = 0.3
"""In the shipped network's own space. Embeddings nearer than this are of one picture, scaled or
encoded again, or of one moment: of 17,675 pairs of photos of one person in LFW none is."""

SAME_PICTURE_HEAD_DISTANCE = 0.1
"""In head space. Heads nearer than this are of one picture, scaled or saved again."""

EQUAL_PICTURE_DISTANCE = 1e-3
"""In any space. Embeddings nearer than this are of one and the same picture, by any network. For a
network that was not measured, larger distances say nothing: one that was trained on its owner
puts all of the owner's photos close together."""

SAME_PERSON_DISTANCE = 1.2
"""In the shipped network's own space. Photos of one person lie nearer than this; of two people
99.9 % lie farther (1.2 is a cosine of 0.28). Used only to notice strays among enrolment photos,
never to accept a face."""


class PhotoLimits(NamedTuple):
    """Distances in an embedder's own space that notice doubles and strays among photos.

    Attributes:
        same_picture: embeddings nearer than this are of one picture.
        same_person: photos farther from the person's others than this show another person;
            infinite where that is not known.
    """

    same_picture: float
    same_person: float


SHIPPED_LIMITS = PhotoLimits(SAME_PICTURE_DISTANCE, SAME_PERSON_DISTANCE)
UNMEASURED_LIMITS = PhotoLimits(EQUAL_PICTURE_DISTANCE, math.inf)
"""Of a network whose people are not known."""

MAX_ROWS_WITHOUT_BLAS = 8
"""Up to this many rows are multiplied without BLAS; see `dot_rows`."""

_MAX_ATTEMPT_ROWS, _MAX_ATTEMPT_PRODUCTS = 32, 2**17
# An attempt's frames against the cohort take 0.7 ms of one core without BLAS (9 × 4,096 rows), and
# 9 ms of two cores with it where they are busy, while a person waits for the verdict.


def normalize(vectors: NDArray[Any]) -> NDArray[Any]:
    """Scale each row to length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: NDArray[Any] = vectors / np.maximum(lengths, np.finfo(vectors.dtype).tiny)
    return scaled


def measure_distances(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Euclidean distance of every row of `a` to every row of `b`.

    Args:
        a: float[n, d], rows of unit length.
        b: float[m, d], rows of unit length.

    Returns:
        float[n, m] of the inputs' precision, 0 to 2; smaller is nearer.

    Example:
        >>> east, north = np.eye(2)
        >>> measure_distances(np.array([east]), np.array([east, north, -east])).round(3).tolist()
        [[0.0, 1.414, 2.0]]
    """
    squares = dot_rows(a, b)
    squares *= -2.0
    squares += 2.0
    np.maximum(squares, 0.0, out=squares)
    return np.sqrt(squares, out=squares)  # type: ignore[no-any-return]  # NumPy types it as Any


def dot_rows(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Scalar product of every row of `a`, float[n, d], with every row of `b`, float[m, d].

    A few rows do not go through BLAS. It would wake its threads for a tenth of a
    millisecond's work, and those wait busily for more, on the cores on which the network
    embeds the next face: on two cores that doubled the time of a verification.
    """
    is_attempt = len(a) <= _MAX_ATTEMPT_ROWS and len(a) * len(b) <= _MAX_ATTEMPT_PRODUCTS
    is_small = len(a) <= MAX_ROWS_WITHOUT_BLAS or is_attempt
    products: NDArray[Any] = np.einsum("nd,md->nm", a, b) if is_small else a @ b.T
    return products


def check_unit_rows(vectors: object, dimension: int, what: str) -> NDArray[np.float32]:
    """Take a set of unit vectors from a caller, or say what is wrong with it.

    Args:
        vectors: anything NumPy reads as float[n, d]; n may be 0.
        dimension: the d that is wanted.
        what: its name in messages.

    Returns:
        float32[n, d], C-contiguous, each row of unit length.

    Raises:
        UsageError: wrong shape, not finite, or a row whose length is not 1.
    """
    try:
        given = np.asarray(vectors)
    except Exception:  # noqa: BLE001 - the `__array__` of a foreign object may raise anything
        raise UsageError(f"{what}: expected rows of {dimension} numbers") from None
    if given.dtype.kind not in "fiu":  # no complex numbers, no objects, no text
        raise UsageError(f"{what}: expected rows of {dimension} numbers")
    with np.errstate(over="ignore"):  # what overflows is not finite, and refused below
        array = np.ascontiguousarray(given, dtype=np.float32)
    if array.size == 0:
        return np.empty((0, dimension), np.float32)
    if array.ndim != 2 or array.shape[1] != dimension:
        raise UsageError(f"{what}: expected rows of {dimension} numbers, not {array.shape}")
    lengths = np.linalg.norm(array, axis=1)
    if not np.isfinite(lengths).all() or np.abs(lengths - 1.0).max() > MAX_UNIT_LENGTH_ERROR:
        raise UsageError(f"{what}: each row must be finite and of unit length")
    return array
