"""An index over a matrix: a graph of near neighbours, so that a search sees few rows.

It is HNSW (Malkov, Yashunin 2016) as usearch builds it, in half precision, in a file that all
processes map. It is built on demand and stays as it is while rows change: a search asks it
and looks at every row that has changed since. What it proposes is compared exactly.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

__all__ = ["Index", "build"]

NEIGHBOURS = 16
"""Of each row in the graph; more make it larger and slower to build."""

BUILD_EFFORT, SEARCH_EFFORT = 128, 256
"""Candidates kept while building and while searching. benchmarks/gallery.py shows what others
find and cost."""

_BATCH = 10_000


class Index:
    """One index in a file.

    Args:
        path: what `build` wrote.
        size: its length in bytes; a file that was cut is not for usearch to read.

    Raises:
        OSError, ValueError, RuntimeError: it is not there, or is not that index.
        SettingsError: usearch is not installed.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        if path.stat().st_size != size:
            raise ValueError(f"{path} is not as long as it was written")
        self._index = _usearch().restore(str(path), view=True)
        if self._index is None:
            raise ValueError(f"{path} is no index")
        self._index.expansion_search = SEARCH_EFFORT

    def top(self, queries: NDArray[np.float32], k: int) -> list[NDArray[np.intp]]:
        """Return for each query of float32[q, d] the rows, int[≤ k], that seem nearest to it."""
        # One query at a time and on this thread: a pool's threads would wait busily.
        found = (self._index.search(query, k, threads=1) for query in queries)
        return [np.asarray(matches.keys, np.intp) for matches in found]

    def erase(self, rows: list[int]) -> None:
        """Overwrite what the file holds of these rows' vectors; searches then pass them by.

        Raises:
            OSError: it cannot be written.
        """
        with self._path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
            for row in rows:
                if row not in self._index:
                    continue
                vector = np.asarray(self._index.get(row), np.float16).tobytes()
                nothing = bytes(len(vector))
                at = content.find(vector) if vector != nothing else -1
                while at >= 0:
                    content[at : at + len(vector)] = nothing
                    at = content.find(vector, at + len(vector))
            content.flush()


def build(
    path: Path,
    rows: NDArray[np.intp],
    matrix: NDArray[np.float32],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Build an index and put it in place of any earlier one.

    Args:
        path: where to.
        rows: int[n], those to index.
        matrix: float32[m, d], where they are.
        progress: told how many of how many are done.

    Raises:
        OSError: it cannot be written.
        SettingsError: usearch is not installed.
    """
    index = _usearch()(
        ndim=matrix.shape[1],
        metric="ip",
        dtype="f16",
        connectivity=NEIGHBOURS,
        expansion_add=BUILD_EFFORT,
        expansion_search=SEARCH_EFFORT,
    )
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        index.add(part.astype(np.uint64), matrix[part])
        if progress:
            progress(start + len(part), len(rows))
    draft = path.with_name(f".{path.name}.new")
    os.close(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, 0o600))
    index.save(str(draft))
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)


def _usearch() -> Any:
    try:
        from usearch.index import Index as Graph
    except ModuleNotFoundError:
        raise SettingsError("an index needs usearch: pip install 'onlyme[index]'") from None
    return Graph
