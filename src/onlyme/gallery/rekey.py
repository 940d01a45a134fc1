"""Give a gallery a new rotation, so that vectors stolen earlier match nothing.

Searches continue while it runs: each row says which rotation it has, and a search asks with
both. It may be interrupted at any moment, also by `kill -9`; the next call continues it
(ISO/IEC 24745: renewable templates).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from onlyme.gallery.gallery import Salts
from onlyme.gallery.stores.protocol import IndexedStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.gallery.gallery import Gallery
    from onlyme.gallery.stores.protocol import TemplateStore

__all__ = ["count_stale_rows", "renew"]

_BLOCK_ROWS = 500


def renew(gallery: Gallery, progress: Callable[[int, int], None] = lambda _done, _all: None) -> int:
    """Draw a new rotation and re-encrypt all people with it, or finish an interrupted renewal.

    Args:
        gallery: the gallery to renew.
        progress: called with the rows done and all rows.

    Returns:
        How many rows this call re-encrypted.

    Raises:
        VaultDamaged: a row is not the one that was written for its person.
    """
    store = gallery.store
    salts = _start_generation(gallery)
    if isinstance(store, IndexedStore) and set(store.list_indexes()) & set(salts.by_generation):
        store.build_index(salts.current)
    done, total = 0, count_stale_rows(store, salts.current)
    while count_stale_rows(store, salts.current):
        for block in store.blocks(size=_BLOCK_ROWS):
            # A later generation belongs to a renewal that began when this one was done.
            old = [row for row in block if row.generation < salts.current]
            new = [gallery.seal_row(gallery.open_row(row), salts.current) for row in old]
            # Rows that changed in between are not written; the next round reads them again.
            late = store.replace(new, {row.key: row.sealed for row in old}) if new else ()
            done += len(new) - len(late)
            progress(done, total)
    _drop_earlier_generations(gallery, salts)
    return done


def count_stale_rows(store: TemplateStore, current: int) -> int:
    """Count the rows that have an earlier rotation."""
    generations = store.count().generations
    return sum(rows for generation, rows in generations.items() if generation < current)


def _start_generation(gallery: Gallery) -> Salts:
    """Write the salt of the next generation, unless an interrupted renewal wrote it."""
    while True:
        salts = gallery.salts()
        if len(salts.by_generation) > 1:
            return salts
        current = salts.current + 1
        both = Salts(current, {**salts.by_generation, current: os.urandom(32)})
        if gallery.write_salts(both, salts):
            return both


def _drop_earlier_generations(gallery: Gallery, salts: Salts) -> None:
    """Erase what is left of earlier rotations, and then their salts."""
    store = gallery.store
    if isinstance(store, IndexedStore):
        for generation in store.list_indexes():
            if generation < salts.current:
                store.drop_index(generation)
    store.scrub()
    only = Salts(salts.current, {salts.current: salts.by_generation[salts.current]})
    gallery.write_salts(only, salts)  # unless another process that renewed it too was first
