"""A secret rotation of the embedding space: distances survive, vectors do not.

What is stored of a person is R·x instead of x, with R drawn for this person and
this vault. A stored vector that leaks compares with nothing: neither with the
person's photos, nor with the same person's template in another vault, nor,
after `revoke`, with the one that replaces it (ISO/IEC 24745: renewable and
unlinkable templates; the rotation as in random projection, Teoh, Goh, Ngo 2006).

It does not protect from somebody who knows the key, and not from somebody who
knows d pairs (x, R·x) of one rotation: those give it away by solving linear
equations. So no public vector is ever rotated with the rotation that protects
a person: each group of vectors has its own.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Rotation"]


class Rotation:
    """An orthogonal map of d numbers to d numbers, drawn evenly among all of them.

    It is a chain of Householder reflections, each of which sends a random direction to an
    axis, in one dimension less each time (Stewart 1980: the product is Haar distributed).
    The chain is applied as it is: for the few rows of a person that costs less than making
    the matrix.

    Args:
        seed: secret bytes; the same seed gives the same rotation on every machine, up to
            rounding.
        dimension: d.

    >>> turn = Rotation(b"secret", 3)
    >>> x = np.eye(3, dtype=np.float32)
    >>> bool(np.allclose(turn.rotate_back(turn.rotate(x)), x, atol=1e-6))
    True
    """

    def __init__(self, seed: bytes, dimension: int) -> None:
        self.dimension = dimension
        # Row k mirrors a random direction of the last d − k axes onto axis k.
        mirrors = np.triu(_draw_normal(seed, dimension * dimension).reshape(dimension, dimension))
        diagonal = np.diag_indices(dimension)
        self._signs = np.where(mirrors[diagonal] < 0, 1.0, -1.0)
        mirrors[diagonal] -= self._signs * np.linalg.norm(mirrors, axis=1)
        self._mirrors = mirrors / np.linalg.norm(mirrors, axis=1, keepdims=True)

    def rotate(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Rotate rows: float[n, d] to float32[n, d]."""
        turned = rows * self._signs
        for mirror in self._mirrors:
            turned -= (2.0 * (turned @ mirror))[:, None] * mirror
        return turned.astype(np.float32)

    def rotate_back(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Undo `rotate`, up to rounding."""
        turned = rows.astype(np.float64)
        for mirror in self._mirrors[::-1]:
            turned -= (2.0 * (turned @ mirror))[:, None] * mirror
        return (turned * self._signs).astype(np.float32)


def _draw_normal(seed: bytes, count: int) -> NDArray[np.float64]:
    """Draw normal numbers from a seed: SHAKE-256 and the Box-Muller transform.

    NumPy promises no stable stream of normal numbers across versions; a hash does.
    """
    half = -(-count // 2)
    drawn = np.frombuffer(hashlib.shake_256(seed).digest(half * 16), "<u8")
    uniform = ((drawn >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53  # in (0, 1)
    radius, angle = np.sqrt(-2.0 * np.log(uniform[:half])), 2.0 * np.pi * uniform[half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]
