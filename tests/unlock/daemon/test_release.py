"""A ticket for a keyring is for one run of a greeter, once, and for a minute."""

import pytest

from onlyme.unlock.daemon.peer import Application
from onlyme.unlock.daemon.refusals import ProgramRun
from onlyme.unlock.daemon.release import TICKET_SECONDS, KeyringTickets
from onlyme.unlock.services import GREETERS

RUN = ProgramRun("ada", "login", Application(10, 1000))


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tickets(clock):
    return KeyringTickets(clock)


def grant(tickets, run=RUN, *, accepted=True):
    tickets.expect("gesture", run)
    tickets.settle("gesture", accepted=accepted)


def test_it_is_taken_once(tickets):
    grant(tickets)
    assert [tickets.take(RUN), tickets.take(RUN)] == [True, False]


@pytest.mark.parametrize(
    ("later", "good"),
    [(0, True), (TICKET_SECONDS, True), (TICKET_SECONDS + 0.1, False), (-1, False)],
)
def test_it_ends(tickets, clock, later, good):
    grant(tickets)
    clock.now += later
    assert tickets.take(RUN) is good


@pytest.mark.parametrize(
    "other",
    [
        RUN._replace(user="bob"),
        RUN._replace(service="greetd"),
        RUN._replace(application=Application(11, 1000)),
        RUN._replace(application=Application(10, 1001)),  # the same number, used again
        None,
    ],
)
def test_no_other_run_gets_it(tickets, other):
    grant(tickets)
    assert not tickets.take(other)
    assert tickets.take(RUN)


@pytest.mark.parametrize("service", ["sudo", "su", "polkit-1", "vlock", "kde", "sshd", ""])
def test_nothing_but_a_greeter_gets_one(tickets, service):
    assert service not in GREETERS
    run = RUN._replace(service=service)
    grant(tickets, run)
    assert not tickets.take(run)


def test_a_refused_face_and_a_gesture_that_nobody_asked_for_leave_none(tickets):
    grant(tickets, accepted=False)
    tickets.settle("gesture", accepted=True)
    tickets.settle("made up", accepted=True)
    tickets.expect("gesture", None)
    tickets.settle("gesture", accepted=True)
    assert not tickets.take(RUN)


def test_they_do_not_fill_the_memory(tickets):
    runs = [RUN._replace(application=Application(pid, 1)) for pid in range(1000)]
    for number, run in enumerate(runs):
        tickets.expect(str(number), run)
        grant(tickets, run)
    assert sum(map(tickets.take, runs)) <= 64
    assert len(tickets._asked) <= 64
