"""From one store to another: every row and note, as they are, and nothing else.

Rows stay sealed and turned; no key is needed. While it is under way the target has a note
that says so, and lacks the notes that a gallery cannot do without: so nobody takes half a
gallery for a whole one. A migration that was interrupted goes on: what the target has
already is not written again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from onlyme.errors import NeedsReenroll, VaultBusy, VaultDamaged, VaultError

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.gallery.stores.protocol import Row, TemplateStore

__all__ = ["MARK", "MigrationResult", "hash_rows", "migrate"]

MARK = "migration"
"""The note in a target that is not complete."""

_BLOCK_ROWS = 1000
_MAX_PASSES = 5


class MigrationResult(NamedTuple):
    """What a migration did.

    Attributes:
        rows: how many there are now, in both stores.
        written: how many of them this run wrote.
        digest: sha256 (hex) of all rows, which both stores have in common.
    """

    rows: int
    written: int
    digest: str


def migrate(
    source: TemplateStore,
    target: TemplateStore,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> MigrationResult:
    """Copy everything, and compare what is there afterwards.

    Args:
        source: read only; changes of it meanwhile are copied too.
        target: empty, or what an interrupted migration from the same source left.
        progress: told of rows that were looked at, and of how many there are.

    Raises:
        NeedsReenroll: the two are for different networks.
        VaultError: the target holds something else.
        VaultBusy: the source was changed again and again.
        VaultDamaged: what arrived is not what was sent.
    """
    if (source.model, source.dimension) != (target.model, target.dimension):
        raise NeedsReenroll("the two stores are for different networks; enroll again instead")
    _begin(source, target)
    written = 0
    for _ in range(_MAX_PASSES):
        version = source.version
        written += _copy_rows(source, target, progress)
        notes = source.notes()
        if source.version == version:
            break
    else:
        raise VaultBusy("the gallery is changed faster than it is copied; stop who writes to it")
    found = hash_rows(source), hash_rows(target)
    if found[0] != found[1] or source.count() != target.count():
        raise VaultDamaged("the rows that arrived are not those that were sent; migrate again")
    _finish(target, notes)
    if target.notes() != notes:
        raise VaultDamaged("the notes that arrived are not those that were sent; migrate again")
    return MigrationResult(target.count().rows, written, found[0])


def hash_rows(store: TemplateStore) -> str:
    """Return the sha256 (hex) of all rows in the order of their keys."""
    running = hashlib.sha256()
    for block in store.blocks(size=_BLOCK_ROWS):
        for row in block:
            for part in _encode_row(row):
                running.update(len(part).to_bytes(4, "big") + part)
    return running.hexdigest()


def _encode_row(row: Row) -> tuple[bytes, ...]:
    return (
        row.key,
        row.generation.to_bytes(4, "big"),
        row.sealed,
        row.vector.astype("<f4").tobytes(),
    )


def _begin(source: TemplateStore, target: TemplateStore) -> None:
    """Mark the target as incomplete and as this source's, or refuse it."""
    mark = _make_mark(source)
    notes = target.notes()
    begun = notes.get(MARK)
    if begun is None and (notes or target.count().rows):
        raise VaultError("the target holds a gallery already; name an empty one")
    if begun is None and not target.note(MARK, mark, None):
        raise VaultBusy("somebody else writes to the target; try again")
    if begun not in {None, mark}:
        raise VaultError(
            "the target holds a part of another gallery, from a migration that did not end; "
            "name an empty one"
        )


def _make_mark(source: TemplateStore) -> bytes:
    """What tells one gallery from another: its notes are sealed with nonces of their own."""
    notes = source.notes()
    if not notes:
        raise VaultError("there is no gallery to move")
    if MARK in notes:
        raise VaultError("the source is itself a migration that did not end; finish that first")
    return hashlib.sha256(notes.get("salts", b"")).digest()


def _copy_rows(
    source: TemplateStore, target: TemplateStore, progress: Callable[[int, int], None]
) -> int:
    """Make the target's rows those of the source; return how many were written."""
    total, done, written = source.count().rows, 0, 0
    for block in source.blocks(size=_BLOCK_ROWS):
        there = target.rows([row.key for row in block])
        new = [row for row in block if _differs(row, there.get(row.key))]
        if new:
            target.replace(new)
        written += len(new)
        done += len(block)
        progress(done, total)
    if target.count().rows > source.count().rows:
        _remove_what_is_gone(source, target)
    return written


def _remove_what_is_gone(source: TemplateStore, target: TemplateStore) -> None:
    for block in target.blocks(size=_BLOCK_ROWS):
        keys = [row.key for row in block]
        kept = source.rows(keys)
        target.remove([key for key in keys if key not in kept])


def _differs(row: Row, there: Row | None) -> bool:
    return there is None or _encode_row(row) != _encode_row(there)


def _finish(target: TemplateStore, notes: dict[str, bytes]) -> None:
    """Write the notes, and take the mark away last."""
    there = target.notes()
    for name, value in notes.items():
        if there.get(name) != value and not target.note(name, value, there.get(name)):
            raise VaultBusy("somebody else writes to the target; try again")
    for name in set(there) - set(notes) - {MARK}:
        target.note(name, None, there[name])
    target.note(MARK, None, there[MARK])
