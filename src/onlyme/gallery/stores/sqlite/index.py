"""An index over a matrix: every row in a quarter of a byte a number, so that all are read quickly.

It is a product quantiser (Jégou, Douze, Schmid 2011) with 4 bits for each two numbers, whose
tables stay in the processor's registers (André, Kermarrec, Le Scouarnec 2015), as faiss builds
it. A graph of neighbours (HNSW) would look at fewer rows, but takes an hour to build for a
million templates, and templates lie so evenly in their space that it misses some.

An index is built on demand and stays as it is while rows change: a search asks it and looks at
every row that has changed since. What it proposes is compared exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import SettingsError
from onlyme.storage.files import open_draft

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

__all__ = ["MIN_INDEX_ROWS", "Index", "write_index"]

MIN_INDEX_ROWS = 500
"""Fewer rows than this are no sample to make tables from, and need no index."""

MIN_CANDIDATES = 64
"""So many rows at least are proposed; benchmarks/gallery.py shows what others would find."""

_MAX_SAMPLE_ROWS = 10_000
_BATCH_ROWS = 50_000


class Index:
    """One index in memory: 32 bytes a row of 128 numbers.

    Args:
        path: what `write_index` wrote.
        size: its length in bytes; a file that was cut is not for faiss to read.

    Raises:
        OSError, ValueError, RuntimeError: it is not there, or is not that index.
        SettingsError: faiss is not installed.
    """

    def __init__(self, path: Path, size: int) -> None:
        if path.stat().st_size != size:
            raise ValueError(f"{path} is not as long as it was written")
        self._index = _import_faiss().read_index(str(path))

    def find_candidates(self, queries: NDArray[np.float32], k: int) -> list[NDArray[np.intp]]:
        """Return for each query of float32[q, d] the rows, int[≤ k], that seem nearest to it."""
        _, near = self._index.search(np.ascontiguousarray(queries), k)
        return [row[row >= 0].astype(np.intp) for row in near]


def write_index(
    path: Path,
    rows: NDArray[np.intp],
    matrix: NDArray[np.float32],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Build an index and put it in place of any earlier one.

    Args:
        path: where to.
        rows: int[n], n ≥ `MIN_INDEX_ROWS`: those that the tables are made from.
        matrix: float32[m, d], what is indexed; rows of zeros are never found.
        progress: told how many of how many are done.

    Raises:
        OSError: it cannot be written.
        SettingsError: faiss is not installed.
    """
    faiss = _import_faiss()
    d = matrix.shape[1]
    index = faiss.IndexPQFastScan(d, d // 2 if d % 2 == 0 else d, 4, faiss.METRIC_INNER_PRODUCT)
    index.pq.cp.min_points_per_centroid = 1  # it would complain on stderr
    sample = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MAX_SAMPLE_ROWS)).astype(np.intp)]
    index.train(np.ascontiguousarray(matrix[sample]))
    for start in range(0, len(matrix), _BATCH_ROWS):
        part = np.array(matrix[start : start + _BATCH_ROWS])  # a copy: others may write meanwhile
        index.add(part)
        if progress:
            progress(start + len(part), len(matrix))
    with open_draft(path) as file:
        faiss.write_index(index, str(file.name))


def _import_faiss() -> Any:
    try:
        import faiss
    except ModuleNotFoundError:
        raise SettingsError("an index needs faiss: pip install 'onlyme[index]'") from None
    # A pool of threads would wait busily on the cores on which the network runs.
    faiss.omp_set_num_threads(1)
    return faiss
