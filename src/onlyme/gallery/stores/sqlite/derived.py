"""Derive from a store's rows the matrices and indexes that searches read.

All of these files can be deleted: the next search writes a matrix again, and an index can be
built again. They are not trusted: each row that they propose is read from SQLite.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import SettingsError, VaultDamaged
from onlyme.gallery.stores.sqlite.exact import find_top_rows
from onlyme.gallery.stores.sqlite.index import MIN_CANDIDATES, Index
from onlyme.gallery.stores.sqlite.lock import hold_lock
from onlyme.gallery.stores.sqlite.matrix import Matrix

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.storage.sqlite import SqliteFile

__all__ = ["DerivedFiles"]

_KINDS = ("matrix", "index")

_BATCH_ROWS = 8192
"""Rows that are read at a time."""

_MAX_TAIL_ROWS = 20_000
"""When more rows than this have changed since an index was built, it is not used."""


class DerivedFiles:
    """The files derived from one SQLite file, beside it: `NAME.GENERATION.matrix` and `.index`.

    Call every method within a transaction; it sees the rows of that transaction, or newer ones.

    Args:
        file: has the tables of `onlyme.gallery.stores.sqlite.store`.
        store: 16 bytes that identify the store.
        dimension: d.
    """

    def __init__(self, file: SqliteFile, store: bytes, dimension: int) -> None:
        self._file, self._store, self._dimension = file, store, dimension
        self._matrices: dict[int, Matrix] = {}
        self._read: dict[int, tuple[int, NDArray[np.float32]]] = {}
        self._indexes: dict[int, tuple[int, Index]] = {}

    def close(self) -> None:
        """Close the files."""
        self._matrices.clear()
        self._indexes.clear()

    def find_candidates(
        self, queries: NDArray[np.float32], k: int, generation: int, *, exact: bool
    ) -> tuple[list[NDArray[np.intp]], bool]:
        """Return for each query the slots that may be nearest, and whether these are all slots."""
        matrix = self.load_matrix(generation)
        index = None if exact else self._load_index(generation)
        tail = self._find_changed(generation, index[0]) if index else None
        if index is None or tail is None:
            return [slots for slots, _ in find_top_rows(matrix, queries, k)], k >= len(matrix)
        near = index[1].find_candidates(queries, max(MIN_CANDIDATES, 2 * k))
        candidates = (np.union1d(slots[slots < len(matrix)], tail) for slots in near)
        best = [
            _select_nearest(matrix, slots, query, k)
            for slots, query in zip(candidates, queries, strict=True)
        ]
        return best, not len(matrix)

    def list_indexes(self) -> list[int]:
        """Return the generations that have an index."""
        return [
            row[0]
            for row in self._file.run("SELECT generation FROM indexed ORDER BY generation")
            if self._make_path(row[0], "index").exists()
        ]

    def read_index_input(
        self, generation: int
    ) -> tuple[int, NDArray[np.intp], NDArray[np.float32]]:
        """Return what an index is built from: the version of the rows, their slots, the matrix."""
        query = "SELECT slot - 1 FROM person WHERE generation = ? ORDER BY slot"
        slots = np.array(self._file.run(query, (generation,)).fetchall(), np.intp).reshape(-1)
        return self.read_version(), slots, self.load_matrix(generation)

    def list_outdated(self) -> list[int]:
        """Return the generations whose index may hold rows that were changed or removed."""
        query = (
            "SELECT generation FROM indexed WHERE version < (SELECT max("
            " (SELECT coalesce(max(changed), 0) FROM person), "
            " (SELECT coalesce(max(changed), 0) FROM gone)))"
        )
        return [row[0] for row in self._file.run(query).fetchall()]

    def index_path(self, generation: int) -> Path:
        """Return the path of a generation's index."""
        return self._make_path(generation, "index")

    def forget_index(self, generation: int) -> None:
        """Open a generation's index again when it is next needed."""
        self._indexes.pop(generation, None)

    def scrub(self, generations: Collection[int]) -> None:
        """Erase removed and replaced rows from the files.

        Args:
            generations: those that still have rows; the files of others are deleted.
        """
        with hold_lock(self._file.path.with_suffix(".lock")):
            names = {self._make_path(one, kind).name for one in generations for kind in _KINDS}
            for kind in _KINDS:
                for path in self._file.path.parent.glob(f"{self._file.path.stem}.*.{kind}"):
                    if path.name not in names:
                        path.unlink(missing_ok=True)
        self._matrices = {g: m for g, m in self._matrices.items() if g in generations}
        self._indexes = {g: i for g, i in self._indexes.items() if g in generations}
        for generation in generations:
            if self._make_path(generation, "matrix").exists():
                self.load_matrix(generation)

    # ------------------------------------------------------------------- matrix

    def load_matrix(self, generation: int) -> NDArray[np.float32]:
        """Return a generation's vectors by slot, float32[slots, d], with zeros in other slots.

        Raises:
            VaultDamaged: a row holds a vector of another length, or the file cannot be written.
        """
        version = self.read_version()
        if generation not in self._matrices:
            if (
                self._file.fetch_one(
                    "SELECT 1 FROM person WHERE generation = ? LIMIT 1", generation
                )
                is None
            ):
                return np.empty((0, self._dimension), np.float32)
            path = self._make_path(generation, "matrix")
            self._matrices[generation] = Matrix(path, self._store, generation, self._dimension)
        matrix = self._matrices[generation]
        rows = matrix.rows(version)
        if rows is None:
            try:
                with hold_lock(self._file.path.with_suffix(".lock")):
                    matrix.reopen()
                    if matrix.version < version:
                        changes = self._read_changes(generation, matrix.version)
                        matrix.update(changes, version, self._count_slots())
                    rows = matrix.rows(version)
            except OSError:  # a full disk, or one that is read-only: searching needs no file
                rows = self._read_matrix(generation, version)
        if rows is None:
            raise VaultDamaged(
                f"{matrix.path} does not hold what was written to it; delete it and try again"
            )
        return rows

    def _read_matrix(self, generation: int, version: int) -> NDArray[np.float32]:
        """Return a generation's vectors by slot from the rows alone, in this process's memory."""
        if generation not in self._read or self._read[generation][0] != version:
            rows = np.zeros((self._count_slots(), self._dimension), np.float32)
            for slots, vectors in self._read_changes(generation, 0):
                rows[slots] = vectors
            self._read[generation] = version, rows
        return self._read[generation][1]

    def _read_changes(
        self, generation: int, since: int
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
        """Yield slots that changed after a version, and the vectors in them."""
        changed = self._file.run(
            "SELECT slot, CASE generation WHEN ? THEN vector END FROM person WHERE changed > ? "
            "UNION ALL SELECT slot, NULL FROM gone WHERE changed > ?",
            (generation, since, since),
        )
        zeros = bytes(4 * self._dimension)
        while batch := changed.fetchmany(_BATCH_ROWS):
            slots = np.array([slot - 1 for slot, _ in batch], np.intp)
            joined = b"".join(zeros if vector is None else vector for _, vector in batch)
            if len(joined) != len(zeros) * len(batch):
                raise VaultDamaged(f"{self._file.path} holds a vector of another length")
            yield slots, np.frombuffer(joined, "<f4").reshape(len(batch), self._dimension)

    # -------------------------------------------------------------------- index

    def _load_index(self, generation: int) -> tuple[int, Index] | None:
        """Return the version of the rows that an index has, and the index; None without one."""
        row = self._file.fetch_one(
            "SELECT version, bytes FROM indexed WHERE generation = ?", generation
        )
        if row is None:
            return None
        opened = self._indexes.get(generation)
        if opened is None or opened[0] != row[0]:
            # If it is deleted or damaged, or faiss is missing, every row is compared instead.
            with suppress(OSError, ValueError, RuntimeError, SettingsError):
                self._indexes[generation] = (
                    row[0],
                    Index(self._make_path(generation, "index"), row[1]),
                )
        opened = self._indexes.get(generation)
        return opened if opened is not None and opened[0] == row[0] else None

    def _find_changed(self, generation: int, since: int) -> NDArray[np.intp] | None:
        """Return the slots of a generation that changed after a version; None if they are many."""
        query = (
            # The index on `changed` leaves few rows; the one on `generation` would leave all.
            "SELECT slot - 1 FROM person INDEXED BY person_changed"
            " WHERE changed > ? AND generation = ? LIMIT ?"
        )
        rows = self._file.run(query, (since, generation, _MAX_TAIL_ROWS + 1)).fetchall()
        return None if len(rows) > _MAX_TAIL_ROWS else np.array(rows, np.intp).reshape(-1)

    # ------------------------------------------------------------------- within

    def _make_path(self, generation: int, kind: str) -> Path:
        return self._file.path.with_name(f"{self._file.path.stem}.{generation}.{kind}")

    def read_version(self) -> int:
        """Return the version of the rows, which grows with every change."""
        state = self._file.fetch_one("SELECT version FROM state")
        if state is None:
            raise VaultDamaged(f"{self._file.path} is damaged: its version is missing")
        return int(state[0])

    def _count_slots(self) -> int:
        """Return the number of the highest slot ever used."""
        used = map(
            self._file.fetch_one, ("SELECT max(slot) FROM person", "SELECT max(slot) FROM gone")
        )
        return max((row[0] or 0 for row in used if row), default=0)


def _select_nearest(
    matrix: NDArray[np.float32], slots: NDArray[np.intp], query: NDArray[np.float32], k: int
) -> NDArray[np.intp]:
    """Compare a few rows exactly, and return the k nearest."""
    products = np.einsum("nd,d->n", matrix[slots], query)
    if len(slots) <= k:
        return slots
    return slots[np.argpartition(-products, k - 1)[:k]]
