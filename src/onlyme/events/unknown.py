"""Keep pictures and embeddings of people without a name, sealed, and only for some days.

Nothing is kept unless the operator asked for it (`unknown_days`). Each visit is one row: its time
in the clear, so that it can be found and erased, and all the rest sealed and bound to that time and
the row's number. What is erased is overwritten in the file and removed from its log.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from onlyme.errors import VaultDamaged
from onlyme.events.outbox import Outbox, encode_context, encode_document, to_milliseconds
from onlyme.storage.sqlite_errors import translate_sqlite_errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["UnknownVisit", "UnknownVisits"]

DAY: Final = timedelta(days=1)
_HEADER_BYTES: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class UnknownVisit:
    """One visit of a person without a name.

    Attributes:
        camera: the name of the camera.
        at: when it ended, in UTC.
        seconds: how long it lasted.
        model: the hash of the network that made the embeddings.
        vectors: float32[n, d], n ≥ 1, of the frames that are good enough to enroll with.
        picture: the face in one of them, as JPEG.
        id: 32 hexadecimal digits.
    """

    camera: str
    at: datetime
    seconds: float
    model: str
    vectors: NDArray[np.float32] = field(repr=False)
    picture: bytes = field(repr=False)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def to_bytes(self) -> bytes:
        """Return all of it as bytes."""
        header = encode_document(
            {
                "id": self.id,
                "camera": self.camera,
                "at": self.at.isoformat(),
                "seconds": self.seconds,
                "model": self.model,
                "shape": list(self.vectors.shape),
            }
        )
        size = len(header).to_bytes(_HEADER_BYTES, "big")
        return size + header + self.vectors.astype("<f4").tobytes() + self.picture

    @classmethod
    def from_bytes(cls, data: bytes) -> UnknownVisit:
        """Read what `to_bytes` returned."""
        end = _HEADER_BYTES + int.from_bytes(data[:_HEADER_BYTES], "big")
        header = json.loads(data[_HEADER_BYTES:end])
        rows, columns = header["shape"]
        last = end + rows * columns * 4
        vectors = np.frombuffer(data[end:last], "<f4").astype(np.float32).reshape(rows, columns)
        at = datetime.fromisoformat(header["at"])
        about = header["camera"], at, header["seconds"], header["model"]
        return cls(*about, vectors, data[last:], header["id"])


class UnknownVisits(Outbox):
    """The visits of people without a name, in the file of the events.

    Attributes:
        unknown_days: visits that are older are erased; 0 keeps none.
        unknown_per_day: at most this many are kept of any 24 hours.
    """

    unknown_days: float = 0.0
    unknown_per_day: int = 0

    def add_unknown(self, visit: UnknownVisit) -> bool:
        """Keep a visit; return whether it was kept: not where that is off, or the day is full."""
        if self.unknown_days <= 0:
            return False
        with translate_sqlite_errors(self.path), self._file.start_writing():
            day = to_milliseconds(visit.at - DAY)
            kept = self._file.fetch_one("SELECT count(*) FROM unknown WHERE at > ?", day)
            if kept is not None and kept[0] >= self.unknown_per_day:
                return False
            at, number = to_milliseconds(visit.at), self._draw_number("unknown")
            sealed = self._seal.seal(visit.to_bytes(), encode_context("unknown", number, at))
            self._file.run("INSERT INTO unknown VALUES (?, ?, ?)", (number, at, sealed))
        return True

    def read_unknown(self) -> list[UnknownVisit]:
        """Return the visits that are kept, the oldest first.

        Raises:
            VaultDamaged: one was changed.
        """
        with translate_sqlite_errors(self.path), self._file.start_reading():
            rows = self._file.run("SELECT id, at, sealed FROM unknown ORDER BY at, id").fetchall()
        return [self._open_unknown(*row) for row in rows]

    def find_unknown(self, visit_id: str) -> UnknownVisit | None:
        """Return the visit of this id, or None if it is not kept."""
        return next((one for one in self.read_unknown() if one.id == visit_id), None)

    def erase_unknown(self, ids: Iterable[str]) -> list[str]:
        """Erase visits, also from the file's free pages; return a note if remnants stay."""
        wanted = set(ids)
        with translate_sqlite_errors(self.path), self._file.start_writing():
            rows = self._file.run("SELECT id, at, sealed FROM unknown").fetchall()
            for number, at, sealed in rows:
                if self._open_unknown(number, at, sealed).id in wanted:
                    self._file.run("DELETE FROM unknown WHERE id = ?", (number,))
        return self.wipe()

    def erase_all_unknown(self) -> list[str]:
        """Erase all visits, also those that cannot be opened; return a note if remnants stay."""
        with translate_sqlite_errors(self.path), self._file.start_writing():
            self._file.run("DELETE FROM unknown")
        return self.wipe()

    def purge_unknown(self, now: datetime | None = None) -> int:
        """Erase the visits that are older than `unknown_days`; return how many."""
        oldest = to_milliseconds((now or datetime.now(UTC)) - timedelta(days=self.unknown_days))
        if self._file.unwritable:
            return 0
        with translate_sqlite_errors(self.path), self._file.start_writing():
            count = self._file.run("DELETE FROM unknown WHERE at < ?", (oldest,)).rowcount
        if count:
            self.wipe()
        return int(count)

    def wipe(self) -> list[str]:
        """Remove what was erased from the file's log; its pages are overwritten already."""
        with translate_sqlite_errors(self.path):
            return self._file.empty_log()

    def _open_unknown(self, number: int, at: int, sealed: bytes) -> UnknownVisit:
        what = f"unknown visit {number}"
        data = self._seal.unseal(sealed, encode_context("unknown", number, at), what)
        try:
            return UnknownVisit.from_bytes(data)
        except (ValueError, KeyError, TypeError) as error:
            raise VaultDamaged(f"{what} is damaged ({type(error).__name__})") from None
