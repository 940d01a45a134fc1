"""Decide who may try again: five failures in five minutes, then a wait that grows.

Nothing here reads a clock or a file: each function takes a state and a moment, and returns a new
state. An attempt (a try) is counted before a face is judged. So callers at the same time share
the tries that are left, and a try whose end is never written down counts as failed.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from onlyme.errors import VaultDamaged
from onlyme.gate.clock import Moment, measure_elapsed

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DEFAULT_POLICY", "GESTURE_POLICY", "AttemptAllowance", "GateState", "Policy"]


class Policy(NamedTuple):
    """What is allowed.

    Attributes:
        tries: failures within `within` seconds that close the gate.
        within: seconds.
        waits: seconds for which the gate stays closed the first time, the second, …; the
            last of them repeats, and infinity is until the password. A success of the owner, or
            the password, starts again with the first; where any person may be recognised, only
            the password does.
        daily: failures allowed in any 24 hours, also where each waits for the gate to open.
    """

    tries: int = 5
    within: float = 300.0
    waits: tuple[float, ...] = (300.0, 900.0, 3600.0, 14400.0, 86400.0)
    daily: int = 20


DEFAULT_POLICY = Policy()
"""Five in five minutes, as phones do. At a false accept rate of 1e-4 a stranger who tries for a
whole day gets in with a chance of 0.2 %: 20 tries; without `daily`, four every five minutes
would make it 11 %."""

_DAY_SECONDS = 86400.0

GESTURE_POLICY = Policy(tries=2, within=_DAY_SECONDS, waits=(math.inf,), daily=2)
"""Two gestures that were asked for and not made within a day. A background program can ask at any
moment, and each time may hit upon a movement that the person makes by chance. So no time ends the
wait, and a gesture that was made takes back its own try only."""


class AttemptAllowance(NamedTuple):
    """What an owner may still do at one source.

    Attributes:
        tries: tries that are left.
        wait: seconds until the next one; 0 when `tries` > 0.
    """

    tries: int
    wait: float


class _Try(NamedTuple):
    id: str
    at: float
    open: bool


class GateState(NamedTuple):
    """What is stored of one owner and source.

    Attributes:
        read: the clock when this was last changed.
        clock: seconds that certainly passed since the first try.
        tries: those that count against the limit: failed, or not ended.
        closed: how many times the gate closed since the last success.
        until: when it opens again, on `clock`.
    """

    read: Moment
    clock: float = 0.0
    tries: tuple[_Try, ...] = ()
    closed: int = 0
    until: float = 0.0

    def allowance(self, policy: Policy, moment: Moment) -> AttemptAllowance:
        """Return how many tries are left, or how long to wait."""
        state = self._advance(moment)
        if state.until > state.clock:
            return AttemptAllowance(0, state.until - state.clock)
        for tries, allowed, within in (
            (state.tries, policy.daily, _DAY_SECONDS),
            (state.recent_tries(policy), policy.tries, policy.within),
        ):
            if len(tries) >= allowed:
                return AttemptAllowance(0, tries[-allowed].at + within - state.clock)
        remaining = policy.tries - len(state.recent_tries(policy))
        return AttemptAllowance(min(remaining, policy.daily - len(state.tries)), 0.0)

    def begin(self, policy: Policy, moment: Moment, id_: str) -> tuple[Self, AttemptAllowance]:
        """Take one of the tries that are left, if one is.

        Returns:
            The new state, and the allowance before this try.
        """
        before = self.allowance(policy, moment)
        state = self._advance(moment)
        if before.tries == 0:
            return state, before
        state = state._replace(tries=(*state.tries, _Try(id_, state.clock, open=True)))
        if len(state.recent_tries(policy)) >= policy.tries:
            wait = policy.waits[min(state.closed, len(policy.waits) - 1)]
            state = state._replace(closed=state.closed + 1, until=state.clock + wait)
        return state, before

    def fail(self, moment: Moment, id_: str) -> Self:
        """End a try that was counted: it stays counted."""
        state = self._advance(moment)
        ended = (t._replace(open=False) if t.id == id_ else t for t in state.tries)
        return state._replace(tries=tuple(ended))

    def withdraw(self, policy: Policy, moment: Moment, id_: str) -> Self:
        """Remove a try in which no face was judged."""
        state = self._advance(moment)
        others = tuple(t for t in state.tries if t.id != id_)
        if len(others) == len(state.tries):
            return state
        was_closed = len(state.recent_tries(policy)) >= policy.tries
        state = state._replace(tries=others)
        if (
            was_closed
            and state.until > state.clock
            and len(state.recent_tries(policy)) < policy.tries
        ):
            # This try closed the gate: without it the gate is open.
            state = state._replace(closed=max(0, state.closed - 1), until=0.0)
        return state

    def succeed(self, moment: Moment, id_: str) -> Self:
        """Start again; tries of other callers that have not ended stay counted."""
        state = self._advance(moment)
        others = tuple(t for t in state.tries if t.open and t.id != id_)
        return state._replace(tries=others, closed=0, until=0.0)

    def recent_tries(self, policy: Policy) -> tuple[_Try, ...]:
        """Return the tries that count towards closing: recent, and later than the last wait."""
        served = self.until if self.until <= self.clock else 0.0
        return tuple(t for t in self.tries if self.clock - t.at < policy.within and t.at >= served)

    def to_bytes(self) -> bytes:
        """Return the state as bytes."""
        document = {
            "read": [self.read.boot, self.read.seconds],
            "clock": self.clock,
            "tries": [[t.id, t.at, t.open] for t in self.tries],
            "closed": self.closed,
            "until": self.until,
        }
        return json.dumps(document).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            VaultDamaged: it is something else.
        """
        try:
            return cls._parse(json.loads(data))
        except (ValueError, KeyError, TypeError):
            raise VaultDamaged(
                "the record of attempts is damaged; `onlyme reset` starts a new one"
            ) from None

    @classmethod
    def _parse(cls, document: dict[str, Any]) -> Self:
        boot, seconds = document["read"]
        tries: Iterable[tuple[str, float, bool]] = document["tries"]
        return cls(
            read=Moment(str(boot), float(seconds)),
            clock=float(document["clock"]),
            tries=tuple(_Try(str(i), float(at), bool(open_)) for i, at, open_ in tries),
            closed=int(document["closed"]),
            until=float(document["until"]),
        )

    def _advance(self, moment: Moment) -> Self:
        """Move the clock forward, and drop tries older than a day."""
        clock = self.clock + measure_elapsed(self.read, moment)
        tries = tuple(t for t in self.tries if clock - t.at < _DAY_SECONDS)
        return self._replace(read=moment, clock=clock, tries=tries)
