"""Check rows, queries and notes before a store takes them. All stores share this."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import UsageError
from onlyme.gallery.stores.protocol import ROW_KEY_BYTES
from onlyme.types import MAX_UNIT_LENGTH_ERROR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onlyme.gallery.stores.protocol import Row

__all__ = ["check_note", "check_queries", "check_rows"]

_NOTE = re.compile(r"[a-z0-9.-]{1,64}")
_MAX_NOTE_BYTES = 2**20
_MAX_GENERATION = 2**31 - 1


def check_rows(rows: Sequence[Row], dimension: int) -> None:
    """Refuse invalid rows.

    Raises:
        UsageError: two rows have one key, or a key, generation, record or vector is invalid.
    """
    for row in rows:
        if not _is_bytes(row.key) or len(row.key) != ROW_KEY_BYTES:
            raise UsageError(f"a row's key must have {ROW_KEY_BYTES} bytes")
        if not 1 <= row.generation <= _MAX_GENERATION:
            raise UsageError(f"a row's generation must be at least 1, not {row.generation}")
        if not _is_bytes(row.sealed) or not row.sealed:
            raise UsageError("a row's sealed record must not be empty")
        _check_vectors(row.vector, (dimension,), "a row's vector")
    if len({row.key for row in rows}) < len(rows):
        raise UsageError("two rows to write have the same key")


def check_queries(queries: NDArray[np.float32], dimension: int, k: int) -> None:
    """Refuse invalid queries.

    Raises:
        UsageError: wrong shape or type, not finite, not of unit length; or k below 1.
    """
    if k < 1:
        raise UsageError(f"a search must ask for at least 1 row, not {k}")
    _check_vectors(queries, (len(queries), dimension), "queries")


def check_note(name: str, value: bytes | None) -> None:
    """Refuse an invalid note.

    Raises:
        UsageError: its name is invalid, or it is too long.
    """
    if not _NOTE.fullmatch(name):
        raise UsageError("a note's name must have 1 to 64 characters of a–z, 0–9, - and .")
    if value is not None and len(value) > _MAX_NOTE_BYTES:
        raise UsageError("a note must not be longer than 1 MB")


def _is_bytes(value: object) -> bool:
    return isinstance(value, bytes)


def _check_vectors(vectors: NDArray[Any], shape: tuple[int, ...], what: str) -> None:
    if vectors.dtype != np.float32 or vectors.shape != shape:
        raise UsageError(f"{what} must be float32{list(shape)}")
    lengths = np.linalg.norm(vectors, axis=-1)
    if not (np.abs(lengths - 1.0) <= MAX_UNIT_LENGTH_ERROR).all():  # also where it is not a number
        raise UsageError(f"{what} must be finite and of unit length")
