"""Define what every store of templates must do.

A store holds one row for each person. It sees neither names nor embeddings, only a key that
needs the gallery's secret to be made from a name, a sealed record, and a vector rotated by a
secret. What a search finds is a hint, never a decision: `onlyme.gallery.gallery` opens the sealed
record of each person found and decides by that. So a store that lies can hide people, but cannot
let a stranger in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ROW_KEY_BYTES", "Count", "Hit", "IndexedStore", "Row", "TemplateStore"]

ROW_KEY_BYTES = 16


class Row(NamedTuple):
    """One person.

    Attributes:
        key: 16 bytes, a keyed hash of the name: the same name finds the same row, and the
            row does not reveal the name.
        generation: the gallery's rotation that the vector has, from 1. All rows have the same
            one, except while the gallery is being re-keyed.
        sealed: name, embeddings and the rest, as ciphertext with a nonce of its own: a person
            who is written twice gives two different records.
        vector: float32[d] of unit length, the template that searches compare with.
    """

    key: bytes
    generation: int
    sealed: bytes
    vector: NDArray[np.float32]


class Hit(NamedTuple):
    """One row that a search found.

    Attributes:
        key: the row's.
        similarity: scalar product of the row's vector and the query, −1 to 1.
    """

    key: bytes
    similarity: float


class Count(NamedTuple):
    """How many rows a store holds.

    Attributes:
        rows: people.
        generations: the rows of each generation that has any.
    """

    rows: int
    generations: dict[int, int]


class TemplateStore(Protocol):
    """Rows and a few small notes, kept for any number of processes.

    Each call that changes something is one transaction: all of it is written or nothing, also
    when the process or the machine stops in the middle. It returns when the change would survive
    that. Use one object in one thread.

    Every method may raise `VaultBusy` (others held the store for too long), `VaultDamaged` (it
    holds what was never written to it) and `VaultError` (it cannot be read or written, or is
    closed).

    Attributes:
        model: sha256 (hex) of the network whose templates it holds.
        dimension: d, length of its vectors.
    """

    model: str
    dimension: int

    # ------------------------------------------------------------------ changes

    def replace(
        self, rows: Sequence[Row], was: Mapping[bytes, bytes | None] | None = None
    ) -> frozenset[bytes]:
        """Write rows, each in place of any earlier one of its key.

        Args:
            rows: each with a key of its own.
            was: what the writer read before: for some of the keys, their `sealed`, or None where
                there was no row. If the store now holds something else there, another process
                changed it, and the row is not written. Rows whose keys are not in here are
                written in any case.

        Returns:
            Keys of the rows that were not written; empty when all were.

        Raises:
            UsageError: two rows have one key, or a key, generation or vector is invalid.
        """

    def remove(self, keys: Collection[bytes]) -> int:
        """Remove rows. Their bytes may stay in the store's files until `scrub`.

        Returns:
            How many rows there were.
        """

    def note(self, name: str, value: bytes | None, was: bytes | None) -> bool:
        """Write a note, or with None erase it, unless another process changed it in between.

        Notes are small records beside the rows: the gallery's salts, the state of a job. The
        writer seals their values.

        Args:
            name: 1 to 64 characters of a–z, 0–9, - and .
            value: at most 1 MB.
            was: what the writer read before; None for nothing.

        Returns:
            Whether it was written. If not, the note does not hold `was`.
        """

    def scrub(self) -> None:
        """Erase removed and replaced rows from the store's files.

        It may take as long as writing the whole store again.
        """

    # ------------------------------------------------------------------ reading

    def notes(self) -> dict[str, bytes]:
        """Return all notes."""

    def rows(self, keys: Collection[bytes]) -> dict[bytes, Row]:
        """Return the rows of these keys; a key without a row is left out."""

    def blocks(self, after: bytes | None = None, size: int = 1024) -> Iterator[list[Row]]:
        """Yield all rows in the order of their keys, in blocks.

        Each block is read when it is asked for, with the changes up to then.

        Args:
            after: begin after this key, such as the last key of an earlier block.
            size: rows in a block; the last block may have fewer.
        """

    def count(self) -> Count:
        """Count the rows."""

    @property
    def version(self) -> int:
        """A number that grows with every change of rows or notes, by any process."""

    def find_nearest(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        generation: int,
        exact: bool = False,
    ) -> list[list[Hit]]:
        """Find the rows that are nearest to each query, among those of one generation.

        It sees every change that was complete before the call.

        Args:
            queries: float32[q, d] of unit length.
            k: at most this many hits for each query.
            generation: only its rows are compared; others have another rotation.
            exact: compare every row. Otherwise a store may use an index, which can miss rows;
                the similarities that it returns are exact even then.

        Returns:
            For each query the hits, the nearest first; of equally near ones, the smaller key
            first.

        Raises:
            UsageError: wrong shape, not finite, or k below 1.
        """

    def close(self) -> None:
        """Close the store. Later calls raise VaultError; closing again does nothing."""


@runtime_checkable
class IndexedStore(Protocol):
    """What a store with an index offers beside `TemplateStore`.

    Attributes:
        index_from: with this many rows or more an index is worth building.
    """

    index_from: int

    def list_indexes(self) -> list[int]:
        """Return the generations that have an index."""

    def build_index(self, generation: int) -> None:
        """Build the index of a generation if it is missing; others may read and write meanwhile."""

    def drop_index(self, generation: int) -> None:
        """Drop the index of a generation if it is there."""
