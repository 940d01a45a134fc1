"""Remember for a minute which attempts did not open: a run of a program has few tries.

`sudo` asks PAM up to three times in one run. The camera is used in the first only, and the user
is asked to confirm only once. A login or a screen locker has three quick tries.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from onlyme.unlock.services import needs_intent

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.unlock.daemon.peer import Application

__all__ = ["MAX_REFUSALS", "REMEMBER_SECONDS", "SEAT_TRIES", "ProgramRun", "Refusal", "Refusals"]

REMEMBER_SECONDS = 60.0
"""How long a refusal is remembered."""

SEAT_TRIES = 3
"""Tries that one run of a login or a screen locker has in a row; then the camera stays off until
`REMEMBER_SECONDS` have passed. The gate counts every try as well."""

MAX_REFUSALS = 256
"""How many refusals are remembered. When there are more, the oldest is dropped."""


class ProgramRun(NamedTuple):
    """One run of a program that asks for a user."""

    user: str
    service: str
    application: Application


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    """One attempt that did not open.

    Attributes:
        at: when, on the clock of `Refusals`.
        asked: whether the daemon answered that the user must confirm first.
        looks: how many times the camera was used.
    """

    at: float
    asked: bool
    looks: int


class Refusals:
    """The refusals of the last minute, in memory only.

    Args:
        now: a clock in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._by_run: dict[ProgramRun, Refusal] = {}

    def add(self, run: ProgramRun, *, asked: bool = False, looked: bool = False) -> None:
        """Remember that the face did not open for a run; see `Refusal`."""
        self._expire()
        before = self._by_run.pop(run, None)  # so that the newest stands last
        looks = (before.looks if before else 0) + looked
        self._by_run[run] = Refusal(self._now(), asked, looks)
        while len(self._by_run) > MAX_REFUSALS:
            del self._by_run[next(iter(self._by_run))]

    def must_refuse(self, run: ProgramRun, *, confirmed: bool) -> bool:
        """Say whether the camera was used for this run, or it would be asked to confirm again."""
        self._expire()
        refusal = self._by_run.get(run)
        if refusal is None:
            return False
        is_at_seat = not needs_intent(run.service)
        if refusal.looks >= (SEAT_TRIES if is_at_seat else 1):
            return True
        return refusal.asked and not confirmed and not refusal.looks

    def take(self, run: ProgramRun) -> Refusal | None:
        """Return what is remembered of a run, and forget it."""
        self._expire()
        return self._by_run.pop(run, None)

    def _expire(self) -> None:
        oldest = self._now() - REMEMBER_SECONDS
        for run in [r for r, refusal in self._by_run.items() if refusal.at < oldest]:
            del self._by_run[run]
