"""Copy all rows and notes of one store to another, unchanged.

Rows stay sealed and rotated, so no key is needed. Until it is complete the target has a note
that marks it, and lacks the notes that a gallery needs: so half a gallery is never taken for a
whole one. An interrupted migration can be continued; rows that the target already has are not
written again.
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
"""Name of the note that marks an incomplete target."""

_BLOCK_ROWS = 1000
_MAX_PASSES = 5


class MigrationResult(NamedTuple):
    """What a migration did.

    Attributes:
        rows: how many rows both stores have now.
        written: how many of them this run wrote.
        digest: sha256 (hex) of all rows, the same in both stores.
    """

    rows: int
    written: int
    digest: str


def migrate(
    source: TemplateStore,
    target: TemplateStore,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> MigrationResult:
    """Copy all rows and notes, and compare both stores afterwards.

    Args:
        source: is only read; changes that others make meanwhile are copied too.
        target: empty, or left by an interrupted migration from the same source.
        progress: called with the rows compared so far and all rows.

    Raises:
        NeedsReenroll: the two stores are for different networks.
        VaultError: the target holds something else.
        VaultBusy: the source changed during every attempt.
        VaultDamaged: the target does not hold what was copied.
    """
    if (source.model, source.dimension) != (target.model, target.dimension):
        raise NeedsReenroll(
            "the two stores are for different networks; enroll the people again instead"
        )
    _begin(source, target)
    written = 0
    for _ in range(_MAX_PASSES):
        version = source.version
        written += _copy_rows(source, target, progress)
        notes = source.notes()
        if source.version == version:
            break
    else:
        raise VaultBusy(
            "the gallery changes faster than it is copied; stop what writes to it, and try again"
        )
    digest = hash_rows(source)
    if digest != hash_rows(target) or source.count() != target.count():
        raise VaultDamaged("the target does not hold the rows that were copied; migrate again")
    _finish(target, notes)
    if target.notes() != notes:
        raise VaultDamaged("the target does not hold the notes that were copied; migrate again")
    return MigrationResult(target.count().rows, written, digest)


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
    """Mark the target as incomplete and as a copy of this source, or refuse it."""
    mark = _make_mark(source)
    notes = target.notes()
    begun = notes.get(MARK)
    if begun is None and (notes or target.count().rows):
        raise VaultError("the target already holds a gallery; choose an empty one")
    if begun is None and not target.note(MARK, mark, None):
        raise VaultBusy("another process writes to the target; try again")
    if begun not in {None, mark}:
        raise VaultError(
            "the target holds a part of another gallery, from a migration that was interrupted; "
            "choose an empty one"
        )


def _make_mark(source: TemplateStore) -> bytes:
    """Identify the source: its sealed salts have a nonce that no other gallery has."""
    notes = source.notes()
    if not notes:
        raise VaultError("there is no gallery to move")
    if MARK in notes:
        raise VaultError("the source is the target of an interrupted migration; finish that first")
    return hashlib.sha256(notes.get("salts", b"")).digest()


def _copy_rows(
    source: TemplateStore, target: TemplateStore, progress: Callable[[int, int], None]
) -> int:
    """Make the target's rows equal to the source's; return how many were written."""
    total, done, written = source.count().rows, 0, 0
    for block in source.blocks(size=_BLOCK_ROWS):
        target_rows = target.rows([row.key for row in block])
        new = [row for row in block if _differs(row, target_rows.get(row.key))]
        if new:
            target.replace(new)
        written += len(new)
        done += len(block)
        progress(done, total)
    if target.count().rows > source.count().rows:
        _remove_extra_rows(source, target)
    return written


def _remove_extra_rows(source: TemplateStore, target: TemplateStore) -> None:
    for block in target.blocks(size=_BLOCK_ROWS):
        keys = [row.key for row in block]
        source_rows = source.rows(keys)
        target.remove([key for key in keys if key not in source_rows])


def _differs(row: Row, target_row: Row | None) -> bool:
    return target_row is None or _encode_row(row) != _encode_row(target_row)


def _finish(target: TemplateStore, notes: dict[str, bytes]) -> None:
    """Write the notes, and erase the mark last."""
    target_notes = target.notes()
    for name, value in notes.items():
        if target_notes.get(name) != value and not target.note(name, value, target_notes.get(name)):
            raise VaultBusy("another process writes to the target; try again")
    for name in set(target_notes) - set(notes) - {MARK}:
        target.note(name, None, target_notes[name])
    target.note(MARK, None, target_notes[MARK])
