"""Compare every row of a matrix with each query.

A few queries use `vecdot`, which needs less time than `einsum`. BLAS would wake its threads,
which wait busily after each call, on the cores on which the network embeds the next face. One core
reads 100,000 rows of 128 numbers in 2 ms. In a larger matrix several threads of ours share the
blocks, so that searching is as fast as the memory, and no thread waits busily. For many queries at
once the threads of BLAS are worth it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from onlyme.siamese.distance import MAX_ROWS_WITHOUT_BLAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["find_top_rows"]

_BLOCK_ROWS = 2**15
"""Rows compared at a time: their products fit in the cache, however large the matrix is."""

_MIN_SHARED_ROWS = 2**17
"""A matrix with fewer rows is compared faster than threads are started …"""

_MAX_THREADS = 4
"""… and more threads than this only wait for the memory."""


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
    starts = range(0, len(matrix), _BLOCK_ROWS)
    compare = partial(_compare, matrix, queries)
    best = [_TopRows(k) for _ in queries]
    if len(matrix) < _MIN_SHARED_ROWS or len(queries) > MAX_ROWS_WITHOUT_BLAS:
        _add_blocks(best, starts, map(compare, starts))
    else:
        with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS), "onlyme-search") as pool:
            _add_blocks(best, starts, pool.map(compare, starts))
    return [(one.numbers, one.products) for one in best]


def _compare(
    matrix: NDArray[np.float32], queries: NDArray[np.float32], start: int
) -> Sequence[NDArray[np.float32]]:
    """Return the products of one block's rows with each query, q times float32[rows]."""
    block = matrix[start : start + _BLOCK_ROWS]
    if len(queries) > MAX_ROWS_WITHOUT_BLAS:
        return list(queries @ block.T)
    return [np.vecdot(block, query) for query in queries]


def _add_blocks(
    best: Sequence[_TopRows],
    starts: Iterable[int],
    blocks: Iterable[Sequence[NDArray[np.float32]]],
) -> None:
    for start, block in zip(starts, blocks, strict=True):
        for one, products in zip(best, block, strict=True):
            one.add(start, products)


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
