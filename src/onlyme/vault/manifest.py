"""List everything that the vault holds at this moment, in one sealed manifest.

Each change raises the vault's counter by one and writes the manifest again. A row that is
missing, was replaced by an earlier one, or belongs to another person differs from what the
manifest says. So the vault itself notices every roll-back except that of the whole file; an
anchor outside of the vault notices that too.
"""

from __future__ import annotations

import json
from typing import NamedTuple, Self

from onlyme.errors import VaultDamaged

__all__ = ["Archive", "LogHead", "Manifest", "ManifestRecord"]


class ManifestRecord(NamedTuple):
    """One record.

    Attributes:
        kind: what it is: `template`, `gate`, …
        key: whose it is.
        counter: the vault's counter when it was written.
        tag: the last 16 bytes of its row, in hex.
    """

    kind: str
    key: str
    counter: int
    tag: str


class Archive(NamedTuple):
    """A file with entries of the log that were moved out of the vault's own file.

    Attributes:
        first, last: the entries in it.
        key: what it is sealed with, in hex.
        tag: the last 16 bytes of it, in hex.
    """

    first: int
    last: int
    key: str
    tag: str


class LogHead(NamedTuple):
    """Where the log begins and ends.

    Attributes:
        first: number of the oldest entry in the vault's own file.
        following: number of the next entry.
        before: tag of the entry before the oldest, in hex.
        last: tag of the newest entry, in hex.
        archives: older entries, oldest first.
    """

    first: int = 1
    following: int = 1
    before: str = ""
    last: str = ""
    archives: tuple[Archive, ...] = ()


_EMPTY = LogHead()


class Manifest:
    """Everything the vault holds.

    Attributes:
        counter: how often the vault was changed.
        records: by the id of their row, in hex.
        log: where the log begins and ends.
    """

    def __init__(
        self,
        counter: int = 0,
        records: dict[str, ManifestRecord] | None = None,
        log: LogHead = _EMPTY,
    ) -> None:
        self.counter = counter
        self.records = {} if records is None else records
        self.log = log

    def copy(self) -> Manifest:
        """Return a manifest that can be changed without changing this one."""
        return Manifest(self.counter, dict(self.records), self.log)

    def to_bytes(self) -> bytes:
        """Return the manifest as bytes."""
        document = {"counter": self.counter, "records": self.records, "log": self.log}
        return json.dumps(document, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            VaultDamaged: it is something else.
        """
        try:
            read = json.loads(data)
            first, following, before, last, archives = read["log"]
            return cls(
                counter=int(read["counter"]),
                records={id_: ManifestRecord(*row) for id_, row in read["records"].items()},
                log=LogHead(
                    first, following, before, last, tuple(Archive(*one) for one in archives)
                ),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise VaultDamaged("the vault's manifest is damaged") from None
