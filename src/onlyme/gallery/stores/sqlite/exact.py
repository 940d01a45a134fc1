"""Compare every row of a matrix with each query.

One core reads a million rows of 128 numbers in some 20 ms. More threads would be no faster,
since memory limits the speed, and those of BLAS wait busily after each call, on the cores on
which the network embeds the next face. So a few queries use `vecdot`, which stays on one core and
needs less time than `einsum`; for many queries at once the threads are worth it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onlyme.siamese.distance import MAX_ROWS_WITHOUT_BLAS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["find_top_rows"]

_BLOCK_ROWS = 2**14
"""Rows compared at a time: their products fit in the cache, however large the matrix is."""


def find_top_rows(
    matrix: NDArray[np.float32], queries: NDArray[np.float32], k: int
) -> list[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Find the rows whose scalar product with each query is largest.

    Args:
        matrix: float32[n, d].
        queries: float32[q, d].
        k: how many rows for each query; n if that is less.

    Returns:
        For each query the rows' numbers, int[k], and products, float32[k], in no order.

    >>> rows = np.eye(3, dtype=np.float32)
    >>> [(numbers, products)] = find_top_rows(rows, rows[1:2], 1)
    >>> numbers.tolist(), products.tolist()
    ([1], [1.0])
    """
    best = [_TopRows(k) for _ in queries]
    for start in range(0, len(matrix), _BLOCK_ROWS):
        block = matrix[start : start + _BLOCK_ROWS]
        if len(queries) <= MAX_ROWS_WITHOUT_BLAS:
            for one, query in zip(best, queries, strict=True):
                one.add(start, np.vecdot(block, query))
        else:
            for one, products in zip(best, queries @ block.T, strict=True):
                one.add(start, products)
    return [(one.numbers, one.products) for one in best]


class _TopRows:
    """The best rows so far. Most blocks have no better row, which one comparison shows."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._worst = -np.inf
        self.numbers = np.empty(0, np.intp)
        self.products = np.empty(0, np.float32)

    def add(self, start: int, products: NDArray[np.float32]) -> None:
        better = np.flatnonzero(products > self._worst)
        if not better.size:
            return
        self.numbers = np.concatenate([self.numbers, better + start])
        self.products = np.concatenate([self.products, products[better]])
        if len(self.numbers) >= self._k:
            best = np.argpartition(-self.products, self._k - 1)[: self._k]
            self.numbers, self.products = self.numbers[best], self.products[best]
            self._worst = float(self.products.min())
