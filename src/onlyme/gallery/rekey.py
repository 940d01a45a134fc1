"""A new rotation for a gallery: whatever was stolen of its vectors matches nothing any more.

Searches go on meanwhile: each row says which rotation turned it, and a search asks with
both. It may be interrupted at any moment, and by `kill -9`; who calls it again goes on
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
    """Draw a new rotation and turn everybody with it, or finish a renewal that was interrupted.

    Args:
        gallery: whose.
        progress: told how many rows were turned, and of how many.

    Returns:
        How many rows this call turned.

    Raises:
        VaultDamaged: a row is not the one that was written for its person.
    """
    store = gallery.store
    salts = _start_generation(gallery)
    if isinstance(store, IndexedStore) and set(store.list_indexes()) & set(salts.by_generation):
        store.build_index(salts.current)
    turned, total = 0, count_stale_rows(store, salts.current)
    while count_stale_rows(store, salts.current):
        for block in store.blocks(size=_BLOCK_ROWS):
            # Later generations are not ours: another renewal began when this one was done.
            old = [row for row in block if row.generation < salts.current]
            new = [gallery.seal_row(gallery.open_row(row), salts.current) for row in old]
            # Who was enrolled anew meanwhile is left alone; the next round looks again.
            late = store.replace(new, {row.key: row.sealed for row in old}) if new else ()
            turned += len(new) - len(late)
            progress(turned, total)
    _end(gallery, salts)
    return turned


def count_stale_rows(store: TemplateStore, current: int) -> int:
    """Count the rows that an earlier rotation turned."""
    generations = store.count().generations
    return sum(rows for generation, rows in generations.items() if generation < current)


def _start_generation(gallery: Gallery) -> Salts:
    """Make the next generation known to everybody, unless that was done before."""
    while True:
        salts = gallery.salts()
        if len(salts.by_generation) > 1:
            return salts
        current = salts.current + 1
        both = Salts(current, {**salts.by_generation, current: os.urandom(32)})
        if gallery.write_salts(both, salts):
            return both


def _end(gallery: Gallery, salts: Salts) -> None:
    """Leave nothing of what earlier rotations turned, and then of the rotations."""
    store = gallery.store
    if isinstance(store, IndexedStore):
        for generation in store.list_indexes():
            if generation < salts.current:
                store.drop_index(generation)
    store.scrub()
    only = Salts(salts.current, {salts.current: salts.by_generation[salts.current]})
    gallery.write_salts(only, salts)  # unless another process that helped was quicker
