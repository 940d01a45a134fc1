"""Keep the matrix that searches read: a file derived from the store's rows, mapped into memory.

Row n of the matrix is the vector in slot n of the store, or zeros where that slot is free
or of another generation. All processes map the same file, so a million templates are in
memory once. Its header names the version of the store up to which it has every change. An
update writes its rows first and the version after them; if it is killed in between, the file
is only out of date, and the next update writes the same rows again. A reader may meet a row
that is half written; what it finds is looked up in the store, which has only complete rows.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from onlyme.storage.files import open_draft
from onlyme.storage.system import CLOSE_ON_EXEC, NO_FOLLOW

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Matrix"]

_MAGIC = b"onlymeM1"
_FIELDS = struct.Struct("<8s16sIIQQ")  # magic, store, generation, dimension, version, slots
_CHECKED = struct.Struct("<I")
_HEADER_BYTES = 4096
_MIN_ROOM_SLOTS = 1024
"""A file that is extended gets room for at least this many further slots."""


class Matrix:
    """One generation's vectors by slot. Hold the store's lock to update it.

    Args:
        path: the file; it may be missing.
        store: 16 bytes, which store it is derived from.
        generation: whose rows it holds; slots of others are zeros.
        dimension: d.
    """

    def __init__(self, path: Path, store: bytes, generation: int, dimension: int) -> None:
        self.path = path
        self._store, self._generation, self._dimension = store, generation, dimension
        self._mapped: NDArray[np.uint8] | None = None
        self.reopen()

    def reopen(self) -> None:
        """Map the file as it is now."""
        try:
            self._mapped = np.memmap(self.path, np.uint8, "r")
        except (OSError, ValueError):  # missing, or empty
            self._mapped = None

    @property
    def version(self) -> int:
        """The version of the store up to which it has every change; 0 for an unusable file."""
        return self._read_header()[0]

    def rows(self, version: int) -> NDArray[np.float32] | None:
        """Return the vectors, float32[slots, d]; None if the file is older than `version`."""
        reached, slots = self._read_header()
        if self._mapped is None or reached < version or not reached:
            return None
        numbers: NDArray[np.float32] = self._mapped[_HEADER_BYTES:].view("<f4")
        return numbers[: slots * self._dimension].reshape(slots, self._dimension)

    def update(
        self,
        changes: Iterable[tuple[NDArray[np.intp], NDArray[np.float32]]],
        version: int,
        slots: int,
    ) -> None:
        """Write changed rows, then the version that has them all.

        Args:
            changes: slots, int[n], and the vectors in them now, float32[n, d].
            version: of the store.
            slots: how many slots the store uses; `changes` has no slot beyond.

        Raises:
            OSError: the file cannot be written.
        """
        if self.version == 0:
            with open_draft(self.path) as file:
                self._update(file.fileno(), changes, version, slots)
        else:
            handle = os.open(self.path, os.O_RDWR | NO_FOLLOW | CLOSE_ON_EXEC)
            try:
                self._update(handle, changes, version, slots)
            finally:
                os.close(handle)
        self.reopen()

    def _update(
        self,
        handle: int,
        changes: Iterable[tuple[NDArray[np.intp], NDArray[np.float32]]],
        version: int,
        slots: int,
    ) -> None:
        self._make_room(handle, slots)
        self._write(handle, changes)
        os.fdatasync(handle)
        fields = (_MAGIC, self._store, self._generation, self._dimension, version, slots)
        written = _FIELDS.pack(*fields)
        os.pwrite(handle, written + _CHECKED.pack(zlib.crc32(written)), 0)

    def _make_room(self, handle: int, slots: int) -> None:
        size = _HEADER_BYTES + slots * self._dimension * 4
        if os.fstat(handle).st_size < size:
            # An eighth more than is needed, so that not every new row extends the file.
            os.ftruncate(handle, size + max(_MIN_ROOM_SLOTS, slots // 8) * self._dimension * 4)

    def _write(
        self, handle: int, changes: Iterable[tuple[NDArray[np.intp], NDArray[np.float32]]]
    ) -> None:
        width = self._dimension * 4
        for slots, vectors in changes:
            order = np.argsort(slots)
            slots, vectors = slots[order], np.ascontiguousarray(vectors[order], "<f4")
            cuts = np.flatnonzero(np.diff(slots) != 1) + 1  # between runs of adjacent slots
            for run, part in zip(np.split(slots, cuts), np.split(vectors, cuts), strict=True):
                if len(run):
                    _write_all(handle, part.tobytes(), _HEADER_BYTES + int(run[0]) * width)

    def _read_header(self) -> tuple[int, int]:
        """Return version and slots; zeros if the file is not this matrix."""
        if self._mapped is None or len(self._mapped) < _HEADER_BYTES:
            return 0, 0
        written = self._mapped[: _FIELDS.size + _CHECKED.size].tobytes()
        fields, (checked,) = written[: _FIELDS.size], _CHECKED.unpack(written[_FIELDS.size :])
        if zlib.crc32(fields) != checked:  # damaged, or just being written
            return 0, 0
        *identity, version, slots = _FIELDS.unpack(fields)
        if tuple(identity) != (_MAGIC, self._store, self._generation, self._dimension):
            return 0, 0
        if _HEADER_BYTES + slots * self._dimension * 4 > len(
            self._mapped
        ):  # the file has grown since it was mapped
            return 0, 0
        return version, slots


def _write_all(handle: int, content: bytes, at: int) -> None:
    rest = memoryview(content)
    while rest:
        done = os.pwrite(handle, rest, at)
        rest, at = rest[done:], at + done
