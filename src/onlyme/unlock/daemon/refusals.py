"""Attempts that did not open, remembered for a minute: a password may follow.

One run of a program asks PAM in `auth`, and once more in `account` when somebody was let
in. If the face was refused and the same run comes to `account` all the same, then the
password did it. Another run says nothing: `sudo` comes to `account` without any password
while its last one still counts, and so do commands that need none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.unlock.daemon.peer import Application

__all__ = ["ProgramRun", "Refusal", "Refusals"]

REMEMBER_SECONDS = 60.0
"""So long a refusal is remembered."""

MAX_REFUSALS = 256
"""So many are remembered; of more, the oldest is dropped."""


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
        asked: whether it was said that this must be confirmed.
        looked: whether the camera was looked through.
        vector: float32[d], what was seen, if the password may confirm it.
    """

    at: float
    asked: bool
    looked: bool
    vector: NDArray[np.float32] | None = None


class Refusals:
    """What did not open in the last minute; never on disk.

    Args:
        now: a clock in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: dict[ProgramRun, Refusal] = {}

    def add(
        self,
        asker: ProgramRun,
        *,
        asked: bool = False,
        looked: bool = False,
        vector: NDArray[np.float32] | None = None,
    ) -> None:
        """Remember that somebody was not let in by face; see `BulkRefusal`."""
        self._expire()
        self._kept.pop(asker, None)
        self._kept[asker] = Refusal(self._now(), asked, looked, vector)
        while len(self._kept) > MAX_REFUSALS:
            del self._kept[next(iter(self._kept))]

    def must_refuse(self, asker: ProgramRun, *, confirmed: bool) -> bool:
        """Say whether this run was looked at, or is about to be asked to confirm once more."""
        self._expire()
        refused = self._kept.get(asker)
        return refused is not None and (refused.looked or (refused.asked and not confirmed))

    def take(self, asker: ProgramRun) -> Refusal | None:
        """Return what is remembered of a run, and forget it."""
        self._expire()
        return self._kept.pop(asker, None)

    def _expire(self) -> None:
        oldest = self._now() - REMEMBER_SECONDS
        for asker in [a for a, refused in self._kept.items() if refused.at < oldest]:
            del self._kept[asker]
