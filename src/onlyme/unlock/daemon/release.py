"""Release the password of a user's keyring once, after a login by face.

A face that was recognised at a greeter, alive and with the gesture that was asked for, leaves a
ticket for the process that asks PAM. The same process takes it in PAM's session phase. Nothing else
leaves one: a password does not, nor does sudo.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from onlyme.unlock.services import GREETERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.unlock.daemon.refusals import ProgramRun

__all__ = ["TICKET_SECONDS", "KeyringTickets"]

TICKET_SECONDS = 60.0
"""How long after the face the session must begin."""

_MAX_TICKETS = 64


class KeyringTickets:
    """Tickets of runs of greeters, in memory only: a daemon that starts anew has none.

    Args:
        clock: seconds that never go back, and go on while the computer sleeps.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or (lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
        self._asked: dict[str, ProgramRun] = {}
        self._granted: dict[ProgramRun, float] = {}

    def expect(self, gesture: str, run: ProgramRun | None) -> None:
        """Remember for which run a gesture was asked.

        Args:
            gesture: the ticket of the request for the gesture.
            run: of the greeter; None if it is not known, and nothing is remembered.
        """
        if run is not None and run.service in GREETERS:
            self._asked[gesture] = run
            _limit(self._asked)

    def settle(self, gesture: str, *, accepted: bool) -> None:
        """Grant the run its ticket if the face was accepted with the gesture."""
        run = self._asked.pop(gesture, None)
        if run is not None and accepted:
            self._granted[run] = self._clock()
            _limit(self._granted)

    def take(self, run: ProgramRun | None) -> bool:
        """Use the ticket of a run up; say whether there was one that is still good."""
        at = self._granted.pop(run, None) if run is not None else None
        return at is not None and 0 <= self._clock() - at <= TICKET_SECONDS


def _limit(tickets: dict[Any, Any]) -> None:
    """Drop the oldest ticket where there are too many."""
    if len(tickets) > _MAX_TICKETS:
        del tickets[next(iter(tickets))]
