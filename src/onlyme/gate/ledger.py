"""Describe what the gate needs of a vault: sealed records and a sealed log in transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

__all__ = ["Ledger", "LedgerTransaction"]


class LedgerTransaction(Protocol):
    """One transaction."""

    def read(self, kind: str, key: str) -> bytes | None:
        """Return a record, or None."""

    def write(self, kind: str, key: str, body: bytes) -> None:
        """Write a record."""

    def remove(self, kind: str, key: str) -> bool:
        """Remove a record; return whether there was one."""

    def keys(self, kind: str) -> list[str]:
        """Return the keys of all records of a kind."""

    def append(self, body: bytes) -> int:
        """Add an entry to the log; return its number."""

    def archive(self, keep: int, more_than: int) -> bool:
        """Move all entries but the newest `keep` to a file, if there are more than `more_than`."""


class Ledger(Protocol):
    """An open vault."""

    def edit(self, *, durable: bool = True) -> AbstractContextManager[LedgerTransaction]:
        """Read and change as one transaction: all of it, or on any exception nothing.

        Args:
            durable: whether a loss of power must not undo it.
        """

    def read(self, kind: str, key: str) -> bytes | None:
        """Return a record, or None."""

    def keys(self, kind: str) -> list[str]:
        """Return the keys of all records of a kind."""

    def log(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and body of every entry of the log; raise if one is missing or changed."""
