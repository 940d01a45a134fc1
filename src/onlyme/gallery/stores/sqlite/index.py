"""Build and search an index over a matrix, with a quarter of a byte for each number.

It is a product quantiser (Jégou, Douze, Schmid 2011) with 4 bits for each two numbers, whose
tables fit in the processor's registers (André, Kermarrec, Le Scouarnec 2015), built by faiss. A
graph of neighbours (HNSW) would compare fewer rows, but takes an hour to build for a million
templates, and misses some, since templates are spread evenly in their space.

An index is built on demand and does not follow changes: a search asks it, and also compares every
row that has changed since. The rows that it proposes are compared exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import SettingsError, explain_extra
from onlyme.storage.files import open_draft

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

__all__ = ["MIN_INDEX_ROWS", "Index", "write_index"]

MIN_INDEX_ROWS = 500
"""With fewer rows than this there is no index: they are too few to make tables from."""

MIN_CANDIDATES = 64
"""At least this many rows are proposed; benchmarks/gallery.py compares other numbers."""

_MAX_SAMPLE_ROWS = 10_000
_BATCH_ROWS = 50_000


class Index:
    """One index in memory: 32 bytes a row of 128 numbers.

    Args:
        path: a file that `write_index` wrote.
        size: its length in bytes; faiss must not read a file that was cut short.

    Raises:
        OSError, ValueError, RuntimeError: the file is missing or is not that index.
        SettingsError: faiss is not installed.
    """

    def __init__(self, path: Path, size: int) -> None:
        if path.stat().st_size != size:
            raise ValueError(f"{path} is not as long as it was written")
        self._index = _import_faiss().read_index(str(path))

    def find_candidates(self, queries: NDArray[np.float32], k: int) -> list[NDArray[np.intp]]:
        """Return for each query of float32[q, d] the rows, int[≤ k], that are probably nearest."""
        _, near = self._index.search(np.ascontiguousarray(queries), k)
        return [row[row >= 0].astype(np.intp) for row in near]


def write_index(
    path: Path,
    rows: NDArray[np.intp],
    matrix: NDArray[np.float32],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Build an index and replace any earlier one.

    Args:
        path: the file to write.
        rows: int[n], n ≥ `MIN_INDEX_ROWS`: the rows that the tables are made from.
        matrix: float32[m, d], the rows to index; rows of zeros are never found.
        progress: called with the rows done and all rows.

    Raises:
        OSError: it cannot be written.
        SettingsError: faiss is not installed.
    """
    faiss = _import_faiss()
    d = matrix.shape[1]
    index = faiss.IndexPQFastScan(d, d // 2 if d % 2 == 0 else d, 4, faiss.METRIC_INNER_PRODUCT)
    index.pq.cp.min_points_per_centroid = 1  # else it warns on stderr
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
        raise SettingsError(f"an index needs faiss; {explain_extra('index')}") from None
    # Its threads would wait busily on the cores on which the network runs.
    faiss.omp_set_num_threads(1)
    return faiss
