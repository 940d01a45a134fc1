"""Keep a gallery in PostgreSQL with pgvector: a `TemplateStore` for several machines at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pgvector import Vector

from onlyme.errors import VaultDamaged
from onlyme.gallery.stores.checks import check_note, check_queries, check_rows
from onlyme.gallery.stores.postgres import index, schema
from onlyme.gallery.stores.postgres.address import DatabaseAddress
from onlyme.gallery.stores.postgres.pool import ConnectionPool
from onlyme.gallery.stores.protocol import Count, Hit, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy.engine import Connection

__all__ = ["PostgresStore"]

_MIN_CANDIDATES = 40
"""At least this many candidates are taken from the index and ranked again."""

_MAX_CANDIDATES = 200
"""At most this many candidates are taken from an index; for more, every row is compared."""

_MAX_REWRITE_BYTES = 8 * 2**20
"""A table of this size is rewritten in well under a second."""

_LOCK_VERSION = "SELECT version FROM onlyme_gallery FOR UPDATE"
"""Waits until no one else changes the gallery, and returns the number of changes so far."""

_MAX_RECEIPTS = 100_000
"""The last changes keep their receipts: minutes of the fastest writing; they are asked for within
seconds."""

_COLUMNS = "key, generation, sealed, vector"


class PostgresStore:
    """Rows and notes in one database; see `TemplateStore`. Any number of threads may share it.

    Writers wait for each other, so that every change has a number of its own and no change of
    two machines is lost. The stores of a process share connections.

    Args:
        address: of the database, such as `postgresql+psycopg://user@host/database`.
        model: sha256 (hex) of the network whose templates it holds.
        dimension: length of its vectors.

    Raises:
        SettingsError: the address is invalid.
        VaultError: the database does not answer, holds no gallery, or one of another version;
            the message says what to do.
        NeedsReenroll: the gallery was made for another network.
    """

    index_from = 10_000

    def __init__(self, address: str, model: str, dimension: int) -> None:
        self.model, self.dimension = model, dimension
        self.address = DatabaseAddress.parse(address)
        self._pool = ConnectionPool(self.address)
        try:
            self._pool.read(
                lambda connection: schema.check(connection, self.address, model, dimension)
            )
        except BaseException:
            self._pool.close()
            raise

    @classmethod
    def upgrade(cls, address: str, model: str, dimension: int) -> bool:
        """Make the tables of a gallery, or upgrade them to this version; all of it or nothing.

        Returns:
            Whether anything was changed.

        Raises:
            VaultError, NeedsReenroll: see `schema.upgrade`.
        """
        parsed = DatabaseAddress.parse(address)
        pool = ConnectionPool(parsed)
        try:
            return pool.write(lambda link: schema.upgrade(link, parsed, model, dimension))
        finally:
            pool.close()

    def close(self) -> None:
        """Give the connections back. Further calls raise VaultError."""
        self._pool.close()

    # ------------------------------------------------------------------ changes

    def replace(
        self, rows: Sequence[Row], was: Mapping[bytes, bytes | None] | None = None
    ) -> frozenset[bytes]:
        """Write rows, each in place of any earlier one of its key; see `TemplateStore`."""
        check_rows(rows, self.dimension)
        expected = was or {}

        def change(connection: Connection) -> tuple[bool, frozenset[bytes]]:
            keys = [row.key for row in rows if row.key in expected]
            stored = _read_sealed(connection, keys) if keys else {}
            late = frozenset(key for key in keys if stored.get(key) != expected[key])
            written = [row for row in rows if row.key not in late]
            if written:
                _write(connection, written)
            return bool(written), late

        return self._change(change) if rows else frozenset()

    def remove(self, keys: Collection[bytes]) -> int:
        """Erase rows; see `TemplateStore`, and `scrub` for what stays in the server's files."""

        def change(connection: Connection) -> tuple[bool, int]:
            query = "DELETE FROM onlyme_template WHERE key = ANY(%s)"
            removed = connection.exec_driver_sql(query, (list(keys),)).rowcount
            return removed > 0, removed

        return self._change(change) if keys else 0

    def note(self, name: str, value: bytes | None, was: bytes | None) -> bool:
        """Write or erase a note, unless another process changed it; see `TemplateStore`."""
        check_note(name, value)

        def change(connection: Connection) -> tuple[bool, bool]:
            query = "SELECT value FROM onlyme_note WHERE name = %s"
            if connection.exec_driver_sql(query, (name,)).scalar_one_or_none() != was:
                return False, False
            connection.exec_driver_sql("DELETE FROM onlyme_note WHERE name = %s", (name,))
            if value is not None:
                connection.exec_driver_sql("INSERT INTO onlyme_note VALUES (%s, %s)", (name, value))
            return True, True

        return bool(self._change(change))

    def _change(self, change: Callable[[Connection], tuple[bool, Any]]) -> Any:
        """Run a change while no one else changes the gallery, count it, and leave a receipt.

        `change` returns whether it changed anything, and the answer; without a change nothing
        is counted.
        """
        receipt, number = os.urandom(16), 0

        def work(connection: Connection) -> Any:
            nonlocal number
            number = 1 + connection.exec_driver_sql(_LOCK_VERSION).scalar_one()
            changed, answer = change(connection)
            if not changed:
                connection.rollback()
                return answer
            connection.exec_driver_sql("UPDATE onlyme_gallery SET version = %s", (number,))
            connection.exec_driver_sql(
                "INSERT INTO onlyme_change VALUES (%s, %s)", (number, receipt)
            )
            old = (number - _MAX_RECEIPTS,)
            connection.exec_driver_sql("DELETE FROM onlyme_change WHERE version <= %s", old)
            return answer

        def was_committed(connection: Connection) -> bool:
            connection.exec_driver_sql(
                _LOCK_VERSION
            )  # waits until the server has ended the earlier try
            query = "SELECT receipt FROM onlyme_change WHERE version = %s"
            return connection.exec_driver_sql(query, (number,)).scalar_one_or_none() == receipt

        return self._pool.write(work, was_committed)

    # ------------------------------------------------------------------ reading

    def notes(self) -> dict[str, bytes]:
        """Return all notes."""
        query = "SELECT name, value FROM onlyme_note"
        return {name: bytes(value) for name, value in self._fetch_all(query)}

    def rows(self, keys: Collection[bytes]) -> dict[bytes, Row]:
        """Return the rows of these keys; a key without a row is left out."""
        query = f"SELECT {_COLUMNS} FROM onlyme_template WHERE key = ANY(%s)"  # noqa: S608 - constants of ours
        return {row[0]: self._make_row(row) for row in self._fetch_all(query, list(keys))}

    def blocks(self, after: bytes | None = None, size: int = 1024) -> Iterator[list[Row]]:
        """Yield all rows in the order of their keys, in blocks; see `TemplateStore`."""
        query = (
            f"SELECT {_COLUMNS} FROM onlyme_template "  # noqa: S608 - constants of ours
            "WHERE key > %s ORDER BY key LIMIT %s"
        )
        last = b"" if after is None else after
        while block := [self._make_row(row) for row in self._fetch_all(query, last, size)]:
            yield block
            last = block[-1].key

    def count(self) -> Count:
        """Count the rows; the server reads all of them."""
        query = "SELECT generation, count(*) FROM onlyme_template GROUP BY generation"
        generations = {int(generation): int(rows) for generation, rows in self._fetch_all(query)}
        return Count(sum(generations.values()), generations)

    @property
    def version(self) -> int:
        """A number that grows with every change, by any process."""
        [(version,)] = self._fetch_all("SELECT version FROM onlyme_gallery")
        return int(version)

    def find_nearest(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        generation: int,
        exact: bool = False,
    ) -> list[list[Hit]]:
        """Find the rows of one generation that are nearest to each query; see `TemplateStore`."""
        check_queries(queries, self.dimension, k)
        wide = max(_MIN_CANDIDATES, 4 * k)
        exact = exact or wide > _MAX_CANDIDATES
        found = (
            f"(SELECT key, vector FROM onlyme_template WHERE generation = {int(generation)})"  # noqa: S608 - a number
            if exact
            else f"({index.make_candidate_query(self.dimension, int(generation), wide)})"
        )
        query = (
            f"SELECT key, -(vector <#> %(query)s) FROM {found} found "  # noqa: S608 - constants of ours
            "ORDER BY vector <#> %(query)s, key LIMIT %(k)s"
        )

        def work(connection: Connection) -> list[list[Hit]]:
            return [
                [
                    Hit(bytes(key), float(similarity))
                    for key, similarity in connection.exec_driver_sql(
                        query, {"query": vector, "k": k}
                    )
                ]
                for vector in queries
            ]

        return self._pool.read(work) if len(queries) else []

    # -------------------------------------------------------------- maintenance

    def list_indexes(self) -> list[int]:
        """Return the generations that have an index."""
        return self._pool.read(index.list_built)

    def build_index(self, generation: int) -> None:
        """Build the index of a generation if it is missing; others may read and write meanwhile."""
        self._pool.maintain(lambda link: index.build(link, self.dimension, generation))

    def drop_index(self, generation: int) -> None:
        """Drop the index of a generation if it is there."""
        self._pool.maintain(lambda link: index.drop(link, generation))

    def scrub(self) -> None:
        """Erase removed and replaced rows, so that no query can find them.

        A small gallery is rewritten, so that nothing stays in the table's file either. In a
        large one all users would wait while its index is built again; there, removed rows stay
        in free space of the file until it is used again, or until `rewrite`. The write-ahead
        log, replicas and backups hold them until the server recycles those.
        """
        [(size,)] = self._fetch_all("SELECT pg_total_relation_size('onlyme_template')")
        if int(size) < _MAX_REWRITE_BYTES:
            self.rewrite()
        else:
            self._vacuum("(ANALYZE) onlyme_template", "(FULL, ANALYZE) onlyme_note")

    def rewrite(self) -> None:
        """Rewrite the tables and indexes; meanwhile no one can read or write."""
        self._vacuum("(FULL, ANALYZE) onlyme_template, onlyme_note")

    # ------------------------------------------------------------------- within

    def _vacuum(self, *what: str) -> None:
        def work(connection: Connection) -> None:
            for words in what:
                connection.exec_driver_sql(f"VACUUM {words}")

        self._pool.maintain(work)

    def _fetch_all(self, query: str, *parameters: object) -> Sequence[Any]:
        return self._pool.read(
            lambda connection: connection.exec_driver_sql(query, parameters or None).all()
        )

    def _make_row(self, row: Any) -> Row:
        key, generation, sealed, vector = row
        if not isinstance(vector, Vector) or vector.dimensions() != self.dimension:
            raise VaultDamaged(f"{self.address} holds a vector that onlyme did not write")
        return Row(bytes(key), int(generation), bytes(sealed), vector.to_numpy())


def _read_sealed(connection: Connection, keys: list[bytes]) -> dict[bytes, bytes]:
    query = "SELECT key, sealed FROM onlyme_template WHERE key = ANY(%s)"
    return {bytes(key): bytes(sealed) for key, sealed in connection.exec_driver_sql(query, (keys,))}


def _write(connection: Connection, rows: Sequence[Row]) -> None:
    connection.exec_driver_sql(
        f"INSERT INTO onlyme_template ({_COLUMNS}) VALUES (%s, %s, %s, %s) "  # noqa: S608 - constants of ours
        "ON CONFLICT (key) DO UPDATE SET generation = excluded.generation, "
        "sealed = excluded.sealed, vector = excluded.vector",
        [tuple(row) for row in rows],
    )
