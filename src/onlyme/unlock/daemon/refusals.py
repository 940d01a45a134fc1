"""Remember for a minute which attempts did not open: one run of a program has one try.

`sudo` asks PAM up to three times in one run. The camera is used in the first only, and the user
is asked to confirm only once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.unlock.daemon.peer import Application

__all__ = ["MAX_REFUSALS", "REMEMBER_SECONDS", "ProgramRun", "Refusal", "Refusals"]

REMEMBER_SECONDS = 60.0
"""How long a refusal is remembered."""

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
        looked: whether the camera was used.
    """

    at: float
    asked: bool
    looked: bool


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
        self._by_run.pop(run, None)  # so that the newest stands last
        self._by_run[run] = Refusal(self._now(), asked, looked)
        while len(self._by_run) > MAX_REFUSALS:
            del self._by_run[next(iter(self._by_run))]

    def must_refuse(self, run: ProgramRun, *, confirmed: bool) -> bool:
        """Say whether the camera was used for this run, or it would be asked to confirm again."""
        self._expire()
        refusal = self._by_run.get(run)
        return refusal is not None and (refusal.looked or (refusal.asked and not confirmed))

    def take(self, run: ProgramRun) -> Refusal | None:
        """Return what is remembered of a run, and forget it."""
        self._expire()
        return self._by_run.pop(run, None)

    def _expire(self) -> None:
        oldest = self._now() - REMEMBER_SECONDS
        for run in [r for r, refusal in self._by_run.items() if refusal.at < oldest]:
            del self._by_run[run]
