"""The index of a gallery in PostgreSQL: HNSW over half-precision vectors, one a generation.

Half precision halves its memory and shortens the building; what it finds is ranked again by
the full vectors (Malkov, Yashunin 2018; pgvector's expression indices). Each generation has
an index of its own, since a search looks at one generation only; the old one is dropped when
a re-keyed gallery has left it, with every vector in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["build", "drop", "list_built", "make_candidate_query"]

_NAME = "onlyme_template_near_{}"
_LINKS = 16
_BREADTH = 64


def make_candidate_query(dimension: int, generation: int, count: int) -> str:
    """Return the query for the rows nearest to `%(query)s` that the index serves.

    Numbers stand in the text and not in parameters: the planner must see that the index's
    condition holds, and how few rows are wanted.
    """
    cast = f"halfvec({dimension:d})"
    return (
        "SELECT key, vector FROM onlyme_template "  # noqa: S608 - numbers of ours
        f"WHERE generation = {generation:d} "
        f"ORDER BY (vector::{cast}) <#> %(query)s::vector::{cast} LIMIT {count:d}"
    )


def build(connection: Connection, dimension: int, generation: int) -> None:
    """Build the index of a generation unless it is there, while others read and write.

    Args:
        connection: outside of a transaction, and without a limit of time.
        dimension: length of the vectors.
        generation: whose rows it holds.
    """
    name = _NAME.format(int(generation))
    if generation not in list_built(connection):  # nothing, or what an interrupted build left
        # It waits for every transaction that began before, however long that takes.
        connection.exec_driver_sql("SET lock_timeout = 0")
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")
        connection.exec_driver_sql(
            f"CREATE INDEX CONCURRENTLY {name} ON onlyme_template "
            f"USING hnsw ((vector::halfvec({dimension:d})) halfvec_ip_ops) "
            f"WITH (m = {_LINKS}, ef_construction = {_BREADTH}) WHERE generation = {generation:d}"
        )


def drop(connection: Connection, generation: int) -> None:
    """Drop the index of a generation if it is there."""
    connection.exec_driver_sql(f"DROP INDEX IF EXISTS {_NAME.format(int(generation))}")


def list_built(connection: Connection) -> list[int]:
    """Return the generations that have an index which is whole, in order."""
    rows = connection.exec_driver_sql(
        "SELECT class.relname FROM pg_index JOIN pg_class class ON class.oid = indexrelid "
        "WHERE indrelid = to_regclass('onlyme_template') AND indisvalid"
    ).scalars()
    found = (re.fullmatch(_NAME.format(r"(\d+)"), name) for name in rows)
    return sorted(int(match[1]) for match in found if match)
