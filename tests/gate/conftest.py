"""What the gate's tests share: a real vault to write to, and a clock to set."""

import pytest

from onlyme.gate.admission import Gate
from onlyme.gate.clock import Moment
from onlyme.types import Decision, Reason
from onlyme.vault.store import Store

MATCH = Decision(accepted=True, name="ada", reason=Reason.MATCH, margin=0.5, alpha=0.3)
NO_MATCH = Decision(accepted=False, name="ada", reason=Reason.NO_MATCH, margin=0.1, alpha=0.3)
NOT_LIVE = Decision(accepted=False, name="ada", reason=Reason.NOT_LIVE)
NO_FACE = Decision(accepted=False, name="ada", reason=Reason.NO_FACE)


class Clock:
    """A clock that a test moves forward."""

    def __init__(self) -> None:
        self.moment = Moment("first boot", 1000.0)

    def __call__(self) -> Moment:
        return self.moment

    def wait(self, seconds: float) -> None:
        self.moment = self.moment._replace(seconds=self.moment.seconds + seconds)

    def reboot(self) -> None:
        self.moment = Moment(self.moment.boot + "'", 0.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(store: Store, clock: Clock) -> Gate:
    return Gate(store, now=clock)
