"""The gate itself: takes a try before anybody is looked at, and writes down how it ended."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple, Self

from onlyme.errors import ImageError, UsageError
from onlyme.gate import clock
from onlyme.gate.audit import Audit, AuditEntry, Event
from onlyme.gate.policy import DEFAULT_POLICY, GateState
from onlyme.types import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from onlyme.gate.clock import Moment
    from onlyme.gate.ledger import Ledger, LedgerTransaction
    from onlyme.gate.policy import AttemptAllowance, Policy

__all__ = ["Attempt", "AttemptSource", "Gate"]

_KIND = "gate"

_JUDGED_REASONS = {Reason.NO_MATCH, Reason.AMBIGUOUS, Reason.NOT_LIVE, Reason.LIVENESS_UNDECIDED}
"""Reasons of a guess, also where many were searched and no single margin is left."""


class AttemptSource(NamedTuple):
    """Whose tries are counted, and where: every source has its own count.

    Attributes:
        owner: who should be recognised; empty where anybody may be.
        source: `camera 0`, `service`, `unlock`, `file`.
    """

    owner: str
    source: str

    @property
    def key(self) -> str:
        """What the vault calls it."""
        return json.dumps([self.owner, self.source])

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Undo `key`."""
        return cls(*json.loads(key))


class Attempt:
    """One try. Use it in a `with` block; one that is not settled there has failed.

    Attributes:
        attempt_source: whose, and where.
        allowed: whether there was a try left. If not, nobody may be looked at.
        allowance: tries and wait before this one.
    """

    def __init__(
        self, gate: Gate, attempt_source: AttemptSource, allowance: AttemptAllowance, id_: str
    ) -> None:
        self.place = attempt_source
        self.standing = allowance
        self.allowed = allowance.tries > 0
        self._gate = gate
        self._id = id_
        self._settled = not self.allowed

    @property
    def refusal(self) -> Decision:
        """The decision when there was no try left."""
        return Decision(accepted=False, name=self.place.owner or None, reason=Reason.LOCKED_OUT)

    def settle(self, decision: Decision) -> Decision:
        """Write down how it ended; return the decision, which may open from now on only.

        Raises:
            UsageError: it was settled before, or not allowed.
            VaultError: it cannot be written down; so it must not open.
        """
        if self._settled:
            raise UsageError("this attempt has ended")
        self._gate._settle(self.place, self._id, decision)  # noqa: SLF001 - its other half
        self._settled = True
        return decision

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave an unsettled try counted as failed: it was counted when it began."""


class Gate:
    """Counts attempts for each owner and source, across processes and reboots.

    Args:
        ledger: the vault.
        policy: what is allowed.
        now: reads the clock.
        by: what the log calls the program that changes something.
    """

    def __init__(
        self,
        ledger: Ledger,
        policy: Policy = DEFAULT_POLICY,
        now: Callable[[], Moment] = clock.read_clock,
        *,
        by: str = "command line",
    ) -> None:
        self._by = by
        self.audit = Audit(ledger)
        self.policy = policy
        self._ledger = ledger
        self._now = now
        self._quiet: tuple[AttemptSource, Reason] | None = None

    def attempt(self, owner: str, source: str) -> Attempt:
        """Take one of the tries that are left, before anybody is looked at.

        Raises:
            VaultError: it cannot be counted; so nobody may be looked at.
        """
        place, id_ = AttemptSource(owner, source), os.urandom(8).hex()
        # A loss of power may undo this; but then the attempt has not opened anything either,
        # since that waits for its end to be on the disk.
        with self._ledger.edit(durable=False) as page:
            state, standing = self._read_state(page, place).begin(self.policy, self._now(), id_)
            attempt = Attempt(self, place, standing, id_)
            page.write(_KIND, place.key, state.to_bytes())
            if not attempt.allowed:
                self.audit.note(page, AuditEntry.from_decision(owner, source, attempt.refusal))
        return attempt

    def decide(self, owner: str, source: str, judge: Callable[[], Decision]) -> Decision:
        """Make one attempt: judge only if a try is left, and answer only once it is written.

        A picture that cannot be read compares nobody with anybody, and gives its try back.
        """
        with self.attempt(owner, source) as attempt:
            if not attempt.allowed:
                return attempt.refusal
            try:
                decision = judge()
            except ImageError:
                self._withdraw(attempt)
                raise
            return attempt.settle(decision)

    def attempt_each(
        self, owner: str, source: str, decisions: Iterator[Decision]
    ) -> Generator[Decision, None, None]:
        """Make an attempt of each decision of a stream; none of them is made before its try.

        While the gate is closed the stream runs on, and its decisions are thrown away.
        """
        while True:
            with self.attempt(owner, source) as attempt:
                decision = next(decisions, None)
                if decision is None:
                    if attempt.allowed:
                        self._withdraw(attempt)
                    return
                yield attempt.settle(decision) if attempt.allowed else attempt.refusal

    def note(
        self, page: LedgerTransaction, event: Event, owner: str | None = None, detail: str = ""
    ) -> None:
        """Write down, within the transaction that does it, something that is no attempt."""
        self.audit.note(page, AuditEntry(event, owner, self._by, detail=detail))

    def allowances(self) -> dict[AttemptSource, AttemptAllowance]:
        """Say where everybody stands who ever tried."""
        moment = self._now()
        found = {}
        for key in self._ledger.keys(_KIND):
            body = self._ledger.read(_KIND, key)
            if body is not None:
                standing = GateState.from_bytes(body).allowance(self.policy, moment)
                found[AttemptSource.from_key(key)] = standing
        return found

    def reset(self, owner: str | None = None) -> None:
        """Start over for an owner, or for all: the password was used."""
        with self._ledger.edit() as page:
            self.forget(page, owner)
            self.note(page, Event.RESET, owner)

    def forget(self, page: LedgerTransaction, owner: str | None) -> None:
        """Remove what is counted of an owner, or of all."""
        for key in page.keys(_KIND):
            if owner is None or AttemptSource.from_key(key).owner == owner:
                page.remove(_KIND, key)

    # ------------------------------------------------------------------ within

    def _read_state(self, page: LedgerTransaction, place: AttemptSource) -> GateState:
        body = page.read(_KIND, place.key)
        return GateState(self._now()) if body is None else GateState.from_bytes(body)

    def _settle(self, place: AttemptSource, id_: str, decision: Decision) -> None:
        moment = self._now()
        judged = decision.margin is not None or decision.reason in _JUDGED_REASONS
        with self._ledger.edit() as page:
            state = self._read_state(page, place)
            if decision.accepted:
                state = state.succeed(moment, id_)
            elif judged:
                state = state.fail(moment, id_)
            else:  # nobody was compared with the owner: that is no guess
                state = state.withdraw(self.policy, moment, id_)
            page.write(_KIND, place.key, state.to_bytes())
            # An empty room gives the same line every three seconds; once is enough.
            quiet = None if judged or decision.accepted else (place, decision.reason)
            if quiet is None or quiet != self._quiet:
                self.audit.note(
                    page,
                    AuditEntry.from_decision(
                        place.owner or decision.name or "", place.source, decision
                    ),
                )
        self._quiet = quiet

    def _withdraw(self, attempt: Attempt) -> None:
        with self._ledger.edit() as page:
            state = self._read_state(page, attempt.place)
            state = state.withdraw(self.policy, self._now(), attempt._id)  # noqa: SLF001
            page.write(_KIND, attempt.place.key, state.to_bytes())
