"""Build and query an HNSW index of half-precision vectors for each generation.

Half precision halves the memory and shortens the building; the rows found are ranked again by
their full vectors (Malkov, Yashunin 2018; pgvector's expression indices). Each generation has
an index of its own, since a search compares one generation only. When a gallery is re-keyed, the
old index is dropped at the end, with every vector in it.
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
    """Return the SQL for the rows nearest to `%(query)s`, in a form that uses the index.

    Numbers are in the text and not in parameters: the planner must see that the condition of the
    index holds, and how few rows are wanted.
    """
    cast = f"halfvec({dimension:d})"
    return (
        "SELECT key, vector FROM onlyme_template "  # noqa: S608 - numbers of ours
        f"WHERE generation = {generation:d} "
        f"ORDER BY (vector::{cast}) <#> %(query)s::vector::{cast} LIMIT {count:d}"
    )


def build(connection: Connection, dimension: int, generation: int) -> None:
    """Build the index of a generation if it is missing, while others read and write.

    Args:
        connection: outside of a transaction, and without a time limit.
        dimension: length of the vectors.
        generation: the rows to index.
    """
    name = _NAME.format(int(generation))
    if generation not in list_built(connection):  # none, or an interrupted build left a part
        # It waits for all transactions that began before, even long ones.
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
    """Return the generations that have a complete index, in order."""
    rows = connection.exec_driver_sql(
        "SELECT class.relname FROM pg_index JOIN pg_class class ON class.oid = indexrelid "
        "WHERE indrelid = to_regclass('onlyme_template') AND indisvalid"
    ).scalars()
    found = (re.fullmatch(_NAME.format(r"(\d+)"), name) for name in rows)
    return sorted(int(match[1]) for match in found if match)
