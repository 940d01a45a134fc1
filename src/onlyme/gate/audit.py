"""Write and read the log: one line for each event, never a pixel or an embedding.

The lines go into the vault's log, where each is sealed with its number and the line before it,
and the vault's manifest holds the end. A line that is changed, removed, moved or cut off breaks
the chain, and `verify` says where.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Self

from onlyme.errors import VaultDamaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.gate.ledger import Ledger, LedgerTransaction
    from onlyme.types import Decision

__all__ = ["KEPT_ENTRIES", "MAX_ENTRIES", "Audit", "AuditEntry", "Event"]

MAX_ENTRIES = 20_000
"""The vault's own file holds at most this many entries; then all but the newest `KEPT_ENTRIES`
move to a sealed file beside it, which stays part of the chain."""

KEPT_ENTRIES = 10_000
"""Entries that stay in the vault's own file when the others move."""


_NOT_YET = datetime.min.replace(tzinfo=UTC)


class Event(StrEnum):
    """What happened."""

    ATTEMPT = "attempt"
    ENROLL = "enroll"
    TEACH = "teach"
    REMOVE = "remove"
    TUNE = "tune"
    ADAPT = "adapt"
    REVOKE = "revoke"
    REKEY = "rekey"
    EXPORT = "export"
    IMPORT = "import"
    BACKUP = "backup"
    RESTORE = "restore"
    FORGET = "forget"
    RENAME = "rename"
    MERGE = "merge"
    RESET = "reset"
    SETTING = "setting"
    TOKEN = "token"  # noqa: S105 - a kind of event


class AuditEntry(NamedTuple):
    """One line of the log.

    Attributes:
        event: what happened.
        owner: whom it is about; None for all.
        source: where from: `camera 0`, `service`, `unlock`, `file`, `command line`.
        verdict: `accepted`, `rejected` or `done`.
        reason: why an attempt was accepted or rejected.
        margin: of an attempt, rounded to three digits.
        liveness: what liveness said of it: `off`, `live`, `attack`, `undecided`.
        detail: a few words; never anything of a face.
        at: when, in UTC, by the wall clock.
        number: its number in the chain, from 1; 0 before it is written.
    """

    event: Event
    owner: str | None = None
    source: str = "command line"
    verdict: str = "done"
    reason: str = ""
    margin: float | None = None
    liveness: str = ""
    detail: str = ""
    at: datetime = _NOT_YET
    number: int = 0

    @classmethod
    def from_decision(cls, owner: str, source: str, decision: Decision) -> Self:
        """Return the line for an attempt."""
        liveness = decision.liveness
        return cls(
            Event.ATTEMPT,
            owner,
            source,
            verdict="accepted" if decision.accepted else "rejected",
            reason=str(decision.reason),
            margin=None if decision.margin is None else round(decision.margin, 3),
            liveness=str(liveness.verdict or liveness.level),
        )


class Audit:
    """Write and read the log.

    Args:
        ledger: the vault.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def note(self, transaction: LedgerTransaction, entry: AuditEntry) -> None:
        """Add a line, within the transaction that makes the change.

        Raises:
            VaultError: it cannot be written; then the change is not made either.
        """
        document = entry._asdict()
        document["at"] = datetime.now(UTC).isoformat(timespec="milliseconds")
        del document["number"]
        present = {key: value for key, value in document.items() if value not in {None, ""}}
        number = transaction.append(json.dumps(present, ensure_ascii=False).encode())
        if number % 100 == 0:
            transaction.archive(keep=KEPT_ENTRIES, more_than=MAX_ENTRIES)

    def entries(
        self,
        owner: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditEntry]:
        """Yield the lines of an owner or of all, within a time if one is given, oldest first.

        Raises:
            VaultDamaged: the chain is broken. The lines yielded before are good.
        """
        for number, body in self._ledger.log():
            entry = _parse_entry(number, body)
            if owner is not None and entry.owner != owner:
                continue
            if (since and entry.at < since) or (until and entry.at > until):
                continue
            yield entry

    def verify(self) -> int:
        """Check the chain from the first line to the last; return the number of lines.

        Raises:
            VaultDamaged: a line was changed, removed, added, moved or cut off; the message says
                which.
        """
        return sum(1 for _ in self.entries())


def _parse_entry(number: int, body: bytes) -> AuditEntry:
    try:
        document = json.loads(body)
        document["event"] = Event(document["event"])
        document["at"] = datetime.fromisoformat(document["at"])
        known = set(AuditEntry._fields) & set(document)
        return AuditEntry(**{key: document[key] for key in known}, number=number)
    except (ValueError, KeyError, TypeError):
        raise VaultDamaged(f"onlyme did not write entry {number} of the log") from None
