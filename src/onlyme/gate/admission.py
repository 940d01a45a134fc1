"""Count each attempt before a face is judged, and write down how it ended."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple, Self

from onlyme.errors import ImageError, UsageError, show_argument
from onlyme.gate import clock
from onlyme.gate.audit import Audit, AuditEntry, Event
from onlyme.gate.policy import DEFAULT_POLICY, GESTURE_POLICY, GateState
from onlyme.types import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from onlyme.gate.clock import Moment
    from onlyme.gate.ledger import Ledger, LedgerTransaction
    from onlyme.gate.policy import AttemptAllowance, Policy

__all__ = ["ANY_OWNER", "GESTURE_SOURCE", "Attempt", "AttemptSource", "Gate"]

ANY_OWNER = ""
"""Attempts to be any enrolled person are counted under this name, which no person can have."""

GESTURE_SOURCE = "gesture"
"""The name under which gestures that were asked for are counted, by a policy of their own."""

_KIND = "gate"

_JUDGED_REASONS = {
    Reason.NO_MATCH,
    Reason.AMBIGUOUS,
    Reason.NOT_LIVE,
    Reason.LIVENESS_UNDECIDED,
    Reason.NOT_ATTENTIVE,
    Reason.ATTENTION_UNDECIDED,
    Reason.NO_GESTURE,
}
"""Reasons of an attempt that counts as a guess, also where a search of many has no margin."""


def _check_source(source: str) -> str:
    """Return the name of a source as the log can hold it: a file's name need not be text."""
    if not isinstance(source, str):
        raise UsageError(f"source is the name of a camera as text, not {show_argument(source)}")
    return source.encode("utf-8", "replace").decode()


class AttemptSource(NamedTuple):
    """Whose attempts are counted, and where: each owner and source has its own count.

    Attributes:
        owner: who should be recognised; empty where any enrolled person may be.
        source: `camera 0`, `service`, `unlock`, `file`.
    """

    owner: str
    source: str

    @property
    def key(self) -> str:
        """The key of its record in the vault."""
        return json.dumps([self.owner, self.source])

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Undo `key`."""
        return cls(*json.loads(key))


class Attempt:
    """One attempt. Use it in a `with` block; an attempt that is not settled there has failed.

    Attributes:
        attempt_source: whose attempt, and where.
        allowed: whether an attempt was left. If not, no face may be judged.
        allowance: the attempts left, or the wait, before this one.
    """

    def __init__(
        self, gate: Gate, attempt_source: AttemptSource, allowance: AttemptAllowance, id_: str
    ) -> None:
        self.attempt_source = attempt_source
        self.allowance = allowance
        self.allowed = allowance.tries > 0
        self._gate = gate
        self._id = id_
        self._settled = not self.allowed

    @property
    def refusal(self) -> Decision:
        """The decision when no attempt was left."""
        owner = self.attempt_source.owner or None
        return Decision(accepted=False, name=owner, reason=Reason.LOCKED_OUT)

    def settle(self, decision: Decision) -> Decision:
        """Write down how it ended; return the decision, which must not open anything before.

        Raises:
            UsageError: it was settled before, or not allowed.
            VaultError: it cannot be written down; the decision must not open anything.
        """
        if self._settled:
            raise UsageError("this attempt has ended")
        self._gate._settle(self.attempt_source, self._id, decision)  # noqa: SLF001 - the gate made it
        self._settled = True
        return decision

    def withdraw(self) -> None:
        """Take this try back, and no other one: nothing was guessed in it.

        Raises:
            VaultError: it cannot be written down; nothing may be opened.
        """
        if not self._settled:
            self._gate._withdraw(self.attempt_source, self._id)  # noqa: SLF001 - the gate made it
            self._settled = True

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave an unsettled attempt counted as failed: it was counted when it began."""


class Gate:
    """Counts attempts for each owner and source, across processes and reboots.

    Args:
        ledger: the vault.
        policy: what is allowed; for gestures it is `GESTURE_POLICY`.
        now: reads the clock.
        by: what the log calls the program that changes something.

    Attributes:
        audit: the log.
        policy: what is allowed.
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
        self._last_unjudged: tuple[AttemptSource, Reason] | None = None

    def attempt(self, owner: str, source: str) -> Attempt:
        """Count an attempt before a face is judged.

        Raises:
            VaultError: it cannot be counted; no face may be judged.
        """
        attempt_source, id_ = AttemptSource(owner, _check_source(source)), os.urandom(8).hex()
        # A loss of power may undo this. The attempt has opened nothing then: it opens only
        # once its end is on the disk.
        with self._ledger.edit(durable=False) as transaction:
            before = self._read_state(transaction, attempt_source)
            state, allowance = before.begin(self._find_policy(attempt_source), self._now(), id_)
            attempt = Attempt(self, attempt_source, allowance, id_)
            transaction.write(_KIND, attempt_source.key, state.to_bytes())
            if not attempt.allowed:
                self.audit.note(
                    transaction, AuditEntry.from_decision(owner, source, attempt.refusal)
                )
        return attempt

    def decide(self, owner: str, source: str, judge: Callable[[], Decision]) -> Decision:
        """Make one attempt: judge only if one is left, and answer only once it is written down.

        Where a picture cannot be read, no face is compared, and the attempt is not counted.
        """
        with self.attempt(owner, source) as attempt:
            if not attempt.allowed:
                return attempt.refusal
            try:
                decision = judge()
            except ImageError:
                attempt.withdraw()
                raise
            return attempt.settle(decision)

    def attempt_each(
        self, owner: str, source: str, decisions: Iterator[Decision]
    ) -> Generator[Decision, None, None]:
        """Count an attempt for each decision of a stream, before the decision is made.

        While the gate is closed the stream continues, and its decisions are discarded. Where a
        picture cannot be read, the attempt is not counted, as in `decide`.
        """
        while True:
            with self.attempt(owner, source) as attempt:
                try:
                    decision = next(decisions, None)
                except ImageError:
                    attempt.withdraw()
                    raise
                if decision is None:
                    attempt.withdraw()
                    return
                yield attempt.settle(decision) if attempt.allowed else attempt.refusal

    def note(
        self,
        transaction: LedgerTransaction,
        event: Event,
        owner: str | None = None,
        detail: str = "",
    ) -> None:
        """Log an event that is not an attempt, within the transaction that makes the change."""
        self.audit.note(transaction, AuditEntry(event, owner, self._by, detail=detail))

    def allowances(self) -> dict[AttemptSource, AttemptAllowance]:
        """Return the attempts left, or the wait, of each owner and source that is counted."""
        moment = self._now()
        found = {}
        for key in self._ledger.keys(_KIND):
            body = self._ledger.read(_KIND, key)
            if body is not None:
                state, attempt_source = GateState.from_bytes(body), AttemptSource.from_key(key)
                policy = self._find_policy(attempt_source)
                found[attempt_source] = state.allowance(policy, moment)
        return found

    def reset(self, owner: str | None = None) -> None:
        """Allow an owner, or all, new attempts, after the password was used."""
        with self._ledger.edit() as transaction:
            self.forget(transaction, owner)
            self.note(transaction, Event.RESET, owner)

    def forget(self, transaction: LedgerTransaction, owner: str | None) -> None:
        """Remove the counts of an owner, or of all."""
        for key in transaction.keys(_KIND):
            if owner is None or AttemptSource.from_key(key).owner == owner:
                transaction.remove(_KIND, key)

    def rename_owner(self, transaction: LedgerTransaction, old: str, new: str) -> None:
        """Move the counts of an owner to a new name: a new name gives no new attempts."""
        self.forget(transaction, new)
        for key in transaction.keys(_KIND):
            counted = AttemptSource.from_key(key)
            body = transaction.read(_KIND, key)
            if counted.owner == old and body is not None:
                transaction.write(_KIND, counted._replace(owner=new).key, body)
                transaction.remove(_KIND, key)

    # ------------------------------------------------------------------ within

    def _find_policy(self, attempt_source: AttemptSource) -> Policy:
        return GESTURE_POLICY if attempt_source.source == GESTURE_SOURCE else self.policy

    def _read_state(
        self, transaction: LedgerTransaction, attempt_source: AttemptSource
    ) -> GateState:
        body = transaction.read(_KIND, attempt_source.key)
        return GateState(self._now()) if body is None else GateState.from_bytes(body)

    def _settle(self, attempt_source: AttemptSource, id_: str, decision: Decision) -> None:
        moment = self._now()
        judged = decision.margin is not None or decision.reason in _JUDGED_REASONS
        with self._ledger.edit() as transaction:
            state = self._read_state(transaction, attempt_source)
            if decision.accepted and attempt_source.owner:
                state = state.succeed(moment, id_)
            elif judged and not decision.accepted:
                state = state.fail(moment, id_)
            else:
                # No face was compared with the owner: that is not a guess. Or one of many people
                # was recognised: that says nothing of who tried before.
                state = state.withdraw(self._find_policy(attempt_source), moment, id_)
            transaction.write(_KIND, attempt_source.key, state.to_bytes())
            # An empty room gives the same line every three seconds; one is enough.
            unjudged = None if judged or decision.accepted else (attempt_source, decision.reason)
            if unjudged is None or unjudged != self._last_unjudged:
                owner = attempt_source.owner or decision.name or ""
                self.audit.note(
                    transaction, AuditEntry.from_decision(owner, attempt_source.source, decision)
                )
        self._last_unjudged = unjudged

    def _withdraw(self, attempt_source: AttemptSource, id_: str) -> None:
        with self._ledger.edit() as transaction:
            state = self._read_state(transaction, attempt_source)
            state = state.withdraw(self._find_policy(attempt_source), self._now(), id_)
            transaction.write(_KIND, attempt_source.key, state.to_bytes())
