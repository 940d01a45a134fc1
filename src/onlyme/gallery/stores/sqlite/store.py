"""Keep a gallery in one SQLite file, with the files that searches read beside it.

Only the rows in SQLite count. Each row has a slot, which is its place in the matrix, and the
version of the store at which it was last changed. So the changes that a matrix lacks can be
listed, and a search first brings it up to date (`derived`). What a search finds is read from
SQLite before it is returned.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import NeedsReenroll, VaultBusy, VaultDamaged
from onlyme.gallery.stores.checks import check_note, check_queries, check_rows
from onlyme.gallery.stores.protocol import Count, Hit, Row
from onlyme.gallery.stores.sqlite.derived import DerivedFiles
from onlyme.gallery.stores.sqlite.index import MIN_INDEX_ROWS, write_index
from onlyme.gallery.stores.sqlite.lock import hold_lock
from onlyme.storage.sqlite import SqliteFile
from onlyme.storage.sqlite_errors import translate_sqlite_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["SqliteStore"]

_APPLICATION = 0x6F6E6767  # "ongg"
_LAYOUT = 1
_SCHEMA = (
    """CREATE TABLE state (
        id INTEGER PRIMARY KEY CHECK (id = 1), store BLOB NOT NULL, model TEXT NOT NULL,
        dimension INTEGER NOT NULL, version INTEGER NOT NULL) STRICT""",
    """CREATE TABLE person (
        slot INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, generation INTEGER NOT NULL,
        changed INTEGER NOT NULL, sealed BLOB NOT NULL, vector BLOB NOT NULL) STRICT""",
    "CREATE INDEX person_changed ON person (changed)",
    "CREATE INDEX person_generation ON person (generation)",
    "CREATE TABLE gone (slot INTEGER PRIMARY KEY, changed INTEGER NOT NULL) STRICT",
    "CREATE INDEX gone_changed ON gone (changed)",
    """CREATE TABLE indexed (
        generation INTEGER PRIMARY KEY, version INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT""",
    "CREATE TABLE note (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
)
_ROW = "key, generation, sealed, vector"
_SLACK_ROWS = 16
"""This many more rows than asked for are looked up in SQLite, in case some have changed."""


class SqliteStore:
    """A TemplateStore and an IndexedStore in one folder.

    Args:
        path: the SQLite file; made with mode 0600 if it is missing.
        model: sha256 (hex) of the network.
        dimension: d, length of its vectors.

    Raises:
        NeedsReenroll: the file holds templates of another network.
        VaultError: the file cannot be used.
    """

    index_from = 50_000

    def __init__(self, path: Path, model: str, dimension: int) -> None:
        self.path, self.model, self.dimension = path, model, dimension
        self._file = SqliteFile(
            path, application=_APPLICATION, layout=_LAYOUT, schemas={_LAYOUT: _SCHEMA}
        )
        try:
            with translate_sqlite_errors(path):
                store = self._set_up()
        except BaseException:
            self._file.close()
            raise
        self._derived = DerivedFiles(self._file, store, dimension)

    def close(self) -> None:
        """Close the files."""
        self._derived.close()
        self._file.close()

    # ------------------------------------------------------------------ changes

    def replace(
        self, rows: Sequence[Row], was: Mapping[bytes, bytes | None] | None = None
    ) -> frozenset[bytes]:
        """Write rows, each in place of any earlier one of its key; see TemplateStore."""
        check_rows(rows, self.dimension)
        late: set[bytes] = set()
        with translate_sqlite_errors(self.path), self._file.start_writing():
            writer = _Writer(self._file, self._derived.read_version() + 1)
            for row in rows:
                slot, sealed = writer.find(row.key)
                if was and row.key in was and was[row.key] != sealed:
                    late.add(row.key)
                else:
                    writer.put(row, slot)
            writer.finish()
        return frozenset(late)

    def remove(self, keys: Collection[bytes]) -> int:
        """Remove rows; see TemplateStore."""
        with translate_sqlite_errors(self.path), self._file.start_writing():
            writer = _Writer(self._file, self._derived.read_version() + 1)
            count = sum(writer.drop(key) for key in set(keys))
            writer.finish()
        return count

    def note(self, name: str, value: bytes | None, was: bytes | None) -> bool:
        """Write or erase a note, unless another process changed it; see TemplateStore."""
        check_note(name, value)
        with translate_sqlite_errors(self.path), self._file.start_writing():
            row = self._file.fetch_one("SELECT value FROM note WHERE name = ?", name)
            if (row[0] if row else None) != was:
                return False
            if value is None:
                self._file.run("DELETE FROM note WHERE name = ?", (name,))
            else:
                self._file.run("INSERT OR REPLACE INTO note VALUES (?, ?)", (name, value))
            self._file.run("UPDATE state SET version = ?", (self._derived.read_version() + 1,))
        return True

    def scrub(self) -> None:
        """Erase removed and replaced rows from the files.

        Raises:
            VaultBusy: the rows are removed, but another process prevents that their remnants are
                erased.
        """
        with translate_sqlite_errors(self.path):
            with self._file.start_reading():
                self._derived.scrub(self.count().generations)
                outdated = self._derived.list_outdated()
            notes = self._file.scrub()
            for generation in outdated:  # it may hold a person who was removed
                self.drop_index(generation)
                self.build_index(generation)
        if notes:
            raise VaultBusy(f"the people were removed; {notes[0]}")

    # -------------------------------------------------------------------- index

    def list_indexes(self) -> list[int]:
        """Return the generations that have an index; see IndexedStore."""
        with translate_sqlite_errors(self.path), self._file.start_reading():
            return self._derived.list_indexes()

    def build_index(
        self, generation: int, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Build the index of a generation, unless it has every row; see IndexedStore.

        A generation with fewer than `MIN_INDEX_ROWS` rows gets none.

        Args:
            generation: the rows to index.
            progress: called with the rows done and all rows.

        Raises:
            SettingsError: faiss is not installed.
        """
        path = self._derived.index_path(generation)
        with translate_sqlite_errors(self.path), hold_lock(self.path.with_suffix(".index-lock")):
            with self._file.start_reading():
                known = self._file.fetch_one(
                    "SELECT version FROM indexed WHERE generation = ?", generation
                )
                version, slots, matrix = self._derived.read_index_input(generation)
            if len(slots) < MIN_INDEX_ROWS or (path.exists() and known == (version,)):
                return
            # Others may change rows meanwhile: a search compares those beside the index.
            write_index(path, slots, matrix, progress)
            with self._file.start_writing():
                row = (generation, version, path.stat().st_size)
                self._file.run("INSERT OR REPLACE INTO indexed VALUES (?, ?, ?)", row)
            self._derived.forget_index(generation)

    def drop_index(self, generation: int) -> None:
        """Drop the index of a generation; see IndexedStore."""
        with translate_sqlite_errors(self.path), self._file.start_writing():
            self._file.run("DELETE FROM indexed WHERE generation = ?", (generation,))
            self._derived.forget_index(generation)
            self._derived.index_path(generation).unlink(missing_ok=True)

    # ------------------------------------------------------------------ reading

    def notes(self) -> dict[str, bytes]:
        """Return all notes."""
        with translate_sqlite_errors(self.path):
            return dict(self._file.run("SELECT name, value FROM note").fetchall())

    def rows(self, keys: Collection[bytes]) -> dict[bytes, Row]:
        """Return the rows of these keys; see TemplateStore."""
        found = {}
        with translate_sqlite_errors(self.path), self._file.start_reading():
            for key in keys:
                row = self._file.fetch_one(f"SELECT {_ROW} FROM person WHERE key = ?", key)  # noqa: S608 - column names of ours
                if row is not None:
                    found[key] = self._make_row(*row)
        return found

    def blocks(self, after: bytes | None = None, size: int = 1024) -> Iterator[list[Row]]:
        """Yield all rows in the order of their keys; see TemplateStore."""
        query = f"SELECT {_ROW} FROM person WHERE key > ? ORDER BY key LIMIT ?"  # noqa: S608 - column names of ours
        last = after or b""
        while True:
            with translate_sqlite_errors(self.path):
                block = [
                    self._make_row(*row) for row in self._file.run(query, (last, size)).fetchall()
                ]
            if not block:
                return
            yield block
            last = block[-1].key

    def count(self) -> Count:
        """Count the rows."""
        with translate_sqlite_errors(self.path):
            query = "SELECT generation, count(*) FROM person GROUP BY generation"
            generations = dict(self._file.run(query).fetchall())
        return Count(sum(generations.values()), generations)

    @property
    def version(self) -> int:
        """A number that grows with every change, by any process."""
        with translate_sqlite_errors(self.path):
            return self._derived.read_version()

    def find_nearest(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        generation: int,
        exact: bool = False,
    ) -> list[list[Hit]]:
        """Find the rows that are nearest to each query; see TemplateStore."""
        check_queries(queries, self.dimension, k)
        with translate_sqlite_errors(self.path), self._file.start_reading():
            wanted = k + _SLACK_ROWS
            while True:
                slots, all_compared = self._derived.find_candidates(
                    queries, wanted, generation, exact=exact
                )
                found = [
                    self._look_up(near, query, generation)
                    for query, near in zip(queries, slots, strict=True)
                ]
                if all_compared or all(len(hits) >= k for hits in found):
                    return [hits[:k] for hits in found]
                # Free slots are zeros, which rank above vectors at more than a right angle.
                wanted, exact = wanted * 8 if exact else wanted, True

    # ------------------------------------------------------------------- within

    def _set_up(self) -> bytes:
        layout = self._file.layout
        if layout not in {0, _LAYOUT}:
            raise VaultDamaged(
                f"{self.path} is a database, but not a gallery of this version of onlyme"
            )
        if layout == 0:
            with self._file.start_writing():
                if self._file.layout == 0:  # else another process made them first
                    self._file.create_tables()
                    values = (os.urandom(16), self.model, self.dimension)
                    self._file.run("INSERT INTO state VALUES (1, ?, ?, ?, 1)", values)
        state = self._file.fetch_one("SELECT store, model, dimension FROM state")
        if state is None:
            raise VaultDamaged(f"{self.path} is damaged: its version is missing")
        store, model, dimension = state
        if (model, dimension) != (self.model, self.dimension):
            raise NeedsReenroll(
                f"the gallery {self.path} was enrolled with another network; enroll its people "
                "again, in another vault"
            )
        return bytes(store)

    def _make_row(self, key: bytes, generation: int, sealed: bytes, vector: bytes) -> Row:
        return Row(key, generation, sealed, self._read_vector(vector))

    def _read_vector(self, stored: bytes) -> NDArray[np.float32]:
        if len(stored) != 4 * self.dimension:
            raise VaultDamaged(f"{self.path} holds a vector of another length")
        return np.frombuffer(stored, "<f4").astype(np.float32)

    def _look_up(
        self, slots: NDArray[np.intp], query: NDArray[np.float32], generation: int
    ) -> list[Hit]:
        """Read the rows in these slots, and compare them with the query."""
        hits = []
        for slot in slots.tolist():
            row = self._file.fetch_one(
                "SELECT key, vector FROM person WHERE slot = ? AND generation = ?",
                slot + 1,
                generation,
            )
            if row is not None:
                vector = self._read_vector(row[1]).astype(np.float64)
                hits.append(Hit(row[0], float(np.einsum("d,d", vector, query))))
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.key))


class _Writer:
    """The changes of one transaction; free slots are used before new ones."""

    def __init__(self, file: SqliteFile, version: int) -> None:
        self._run = file.run
        self._version = version
        self._has_free_slots = True
        self._changed = False

    def find(self, key: bytes) -> tuple[int | None, bytes | None]:
        row = self._run("SELECT slot, sealed FROM person WHERE key = ?", (key,)).fetchone()
        return (row[0], row[1]) if row else (None, None)

    def put(self, row: Row, slot: int | None) -> None:
        vector = row.vector.astype("<f4").tobytes()
        self._run(
            "INSERT OR REPLACE INTO person VALUES (?, ?, ?, ?, ?, ?)",
            (slot or self._take_slot(), row.key, row.generation, self._version, row.sealed, vector),
        )
        self._changed = True

    def drop(self, key: bytes) -> bool:
        slot, _ = self.find(key)
        if slot is None:
            return False
        self._run("DELETE FROM person WHERE slot = ?", (slot,))
        self._run("INSERT INTO gone VALUES (?, ?)", (slot, self._version))
        self._changed = True
        return True

    def finish(self) -> None:
        if self._changed:
            self._run("UPDATE state SET version = ?", (self._version,))

    def _take_slot(self) -> int:
        row = (
            self._run("SELECT slot FROM gone LIMIT 1").fetchone() if self._has_free_slots else None
        )
        if row is not None:
            self._run("DELETE FROM gone WHERE slot = ?", row)
            return int(row[0])
        self._has_free_slots = False
        last = self._run("SELECT max(slot) FROM person").fetchone()[0]
        return int(last or 0) + 1
