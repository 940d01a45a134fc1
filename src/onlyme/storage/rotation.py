"""Rotate embeddings by a secret: distances stay as they are, the vectors are hidden.

The vault stores R·x instead of x, with R drawn for this person and this vault. A stored vector
that leaks cannot be compared with the person's photos, with the same person's template in
another vault, or, after `revoke`, with the template that replaces it (ISO/IEC 24745: renewable
and unlinkable templates; the rotation as in random projection, Teoh, Goh, Ngo 2006).

It does not protect from an attacker who knows the key, or who knows d pairs (x, R·x) of one
rotation: they give R by solving linear equations. So no public vector is ever rotated with the
rotation that protects a person: each group of vectors has its own.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Rotation"]


class Rotation:
    """An orthogonal map of d numbers to d numbers, drawn evenly among all such maps.

    It is a chain of Householder reflections. Each maps a random direction to an axis, in one
    dimension less than the one before (Stewart 1980: the product is Haar distributed). The
    chain is applied as it is: for the few rows of a person that costs less than the matrix.

    Args:
        seed: secret bytes; the same seed gives the same rotation on every machine, up to
            rounding.
        dimension: d.

    >>> rotation = Rotation(b"secret", 3)
    >>> x = np.eye(3, dtype=np.float32)
    >>> bool(np.allclose(rotation.rotate_back(rotation.rotate(x)), x, atol=1e-6))
    True
    """

    def __init__(self, seed: bytes, dimension: int) -> None:
        self.dimension = dimension
        # Row k reflects a random direction of the last d − k axes onto axis k.
        mirrors = np.triu(_draw_normal(seed, dimension * dimension).reshape(dimension, dimension))
        diagonal = np.diag_indices(dimension)
        self._signs = np.where(mirrors[diagonal] < 0, 1.0, -1.0)
        mirrors[diagonal] -= self._signs * np.linalg.norm(mirrors, axis=1)
        self._mirrors = mirrors / np.linalg.norm(mirrors, axis=1, keepdims=True)

    def rotate(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Rotate rows: float[n, d] to float32[n, d]."""
        rotated = rows * self._signs
        for mirror in self._mirrors:
            rotated -= (2.0 * (rotated @ mirror))[:, None] * mirror
        return rotated.astype(np.float32)

    def rotate_back(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Undo `rotate`, up to rounding."""
        rotated = rows.astype(np.float64)
        for mirror in self._mirrors[::-1]:
            rotated -= (2.0 * (rotated @ mirror))[:, None] * mirror
        return (rotated * self._signs).astype(np.float32)


def _draw_normal(seed: bytes, count: int) -> NDArray[np.float64]:
    """Draw normal numbers from a seed: SHAKE-256 and the Box-Muller transform.

    NumPy does not promise the same normal numbers in every version; a hash does.
    """
    half = -(-count // 2)
    drawn = np.frombuffer(hashlib.shake_256(seed).digest(half * 16), "<u8")
    uniform = ((drawn >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53  # in (0, 1)
    radius, angle = np.sqrt(-2.0 * np.log(uniform[:half])), 2.0 * np.pi * uniform[half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]
