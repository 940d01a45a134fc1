"""The one place that says how far two vectors are apart, and that smaller means nearer.

Everything in this room works with Euclidean distances between rows of unit
length: 0 for the same direction, √2 for unrelated ones, 2 for opposite ones.
Cosine similarity `c` and this distance `d` carry the same: d = √(2 − 2c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["UNRELATED_DISTANCE", "check_unit_rows", "dot_rows", "measure_distances", "normalize"]

UNRELATED_DISTANCE = float(np.sqrt(2.0))
"""Distance of two vectors that have nothing in common (a right angle)."""


def normalize(vectors: NDArray[Any]) -> NDArray[Any]:
    """Scale each row to length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(vectors.dtype).tiny)  # type: ignore[no-any-return]


_MAX_ROWS_WITHOUT_BLAS = 8


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
    return np.sqrt(squares, out=squares)  # type: ignore[no-any-return]


def dot_rows(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Scalar product of every row of `a`, float[n, d], with every row of `b`, float[m, d].

    A few rows do not go through BLAS. It would wake its threads for a tenth of a
    millisecond's work, and those wait busily for more, on the cores on which the network
    embeds the next face: on two cores that doubled the time of a verification.
    """
    made: NDArray[Any] = (
        np.einsum("nd,md->nm", a, b) if len(a) <= _MAX_ROWS_WITHOUT_BLAS else a @ b.T
    )
    return made


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
    except (TypeError, ValueError):
        raise UsageError(f"{what}: rows of {dimension} numbers are wanted") from None
    if given.dtype.kind not in "fiu":  # no complex numbers, no objects, no text
        raise UsageError(f"{what}: rows of {dimension} numbers are wanted")
    with np.errstate(over="ignore"):  # what overflows is not finite, and refused below
        array = np.ascontiguousarray(given, dtype=np.float32)
    if array.size == 0:
        return np.empty((0, dimension), np.float32)
    if array.ndim != 2 or array.shape[1] != dimension:
        raise UsageError(f"{what}: rows of {dimension} numbers are wanted, not {array.shape}")
    lengths = np.linalg.norm(array, axis=1)
    if not np.isfinite(lengths).all() or np.abs(lengths - 1.0).max() > 1e-3:
        raise UsageError(f"{what}: each row must be finite and of unit length")
    return array
