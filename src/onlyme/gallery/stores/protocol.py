"""What a place for many templates must do, whatever it is built on.

A store holds one row a person. It sees neither names nor embeddings: a key that only the
gallery's owner can make from a name, a sealed record, and a vector rotated by a secret.
What a search finds is a hint, never a decision: `onlyme.gallery.gallery` opens the sealed record of
whoever was found and decides by that, so a store that lies can hide people, but let
nobody in.
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
            row tells nobody the name.
        generation: which of the gallery's rotations the vector was turned with, from 1.
            All rows have the same but while the gallery is being re-keyed.
        sealed: name, embeddings and the rest, as ciphertext with a nonce of its own: no two
            writings of the same person are equal.
        vector: float32[d] of unit length, the template that searches compare with.
    """

    key: bytes
    generation: int
    sealed: bytes
    vector: NDArray[np.float32]


class Hit(NamedTuple):
    """One row that a search found.

    Attributes:
        key: whose.
        similarity: scalar product of the row's vector and the query, −1 to 1.
    """

    key: bytes
    similarity: float


class Count(NamedTuple):
    """How much a store holds.

    Attributes:
        rows: people.
        generations: how many of them are of each generation; none of them is 0.
    """

    rows: int
    generations: dict[int, int]


class TemplateStore(Protocol):
    """Rows and a few small notes, kept for any number of processes.

    Each call that changes something is one transaction: all of it or nothing, also when the
    process or the machine ends in the middle, and it returns when the change would survive
    that. One object serves one thread.

    Every method may raise `VaultBusy` (others kept it for too long), `VaultDamaged` (it holds
    what was never written to it) and `VaultError` (it cannot be read or written, or is closed).

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
            rows: no two of one key.
            was: what the writer read before: for some of the keys, their `sealed`, or None where
                there was no row. A row whose key holds something else by now is left alone:
                somebody else was quicker. Rows whose keys are not in here are written anyway.

        Returns:
            Keys of the rows that were left alone; empty when all were written.

        Raises:
            UsageError: two rows of one key, a key, generation or vector that cannot be one.
        """

    def remove(self, keys: Collection[bytes]) -> int:
        """Remove rows. What they held may lie in the store's files until `scrub`.

        Returns:
            How many there were.
        """

    def note(self, name: str, value: bytes | None, was: bytes | None) -> bool:
        """Write a note, or with None erase it, unless somebody else was quicker.

        Notes are small records beside the rows: the gallery's salts, the state of a job. Their
        values are sealed by whoever writes them.

        Args:
            name: 1 to 64 characters of a–z, 0–9, - and .
            value: at most 1 MB.
            was: what the writer read before; None for nothing.

        Returns:
            Whether it was written; if not, the note holds something else than `was`.
        """

    def scrub(self) -> None:
        """Leave nothing of what was removed or replaced in the store's files.

        It may take as long as writing the whole store anew.
        """

    # ------------------------------------------------------------------ reading

    def notes(self) -> dict[str, bytes]:
        """Return all notes."""

    def rows(self, keys: Collection[bytes]) -> dict[bytes, Row]:
        """Return the rows of these keys; a key without one is left out."""

    def blocks(self, after: bytes | None = None, size: int = 1024) -> Iterator[list[Row]]:
        """Yield all rows in the order of their keys, in blocks.

        Each block is read when it is asked for: changes in between are seen if they lie ahead.

        Args:
            after: begin behind this key: the last one of a block seen before.
            size: rows in a block, the last one excepted.
        """

    def count(self) -> Count:
        """Count the rows."""

    @property
    def version(self) -> int:
        """What grows with every change of rows or notes, by any process."""

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
            k: at most so many for each query.
            generation: rows of others are not looked at: their rotation is another.
            exact: look at every row. Without, a store may use an index, which can miss some;
                the similarities that it tells are exact all the same.

        Returns:
            For each query the hits, the nearest first; of equal ones, the smaller key first.

        Raises:
            UsageError: wrong shape, not finite, or k below 1.
        """

    def close(self) -> None:
        """Let go of it. Further calls raise VaultError; closing again does nothing."""


@runtime_checkable
class IndexedStore(Protocol):
    """What a store offers beside `TemplateStore` if it can have an index.

    Attributes:
        index_from: rows from which on an index is worth its building.
    """

    index_from: int

    def list_indexes(self) -> list[int]:
        """Return the generations that have an index."""

    def build_index(self, generation: int) -> None:
        """Build the index of a generation unless it is there; others read and write meanwhile."""

    def drop_index(self, generation: int) -> None:
        """Drop the index of a generation if it is there."""
