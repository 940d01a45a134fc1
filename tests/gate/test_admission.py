from pathlib import Path

import pytest

from onlyme.errors import UsageError, VaultError
from onlyme.gate.admission import GESTURE_SOURCE, AttemptSource, Gate
from onlyme.gate.policy import Policy
from onlyme.types import Reason
from onlyme.vault.store import Store
from tests.gate.conftest import MATCH, NO_FACE, NO_MATCH, NOT_LIVE
from tests.gate.racing import race


def tried(gate, decision, times, owner="ada", source="camera 0"):
    return [gate.decide(owner, source, lambda: decision).reason for _ in range(times)]


def test_five_failures_close_the_gate(gate):
    reasons = tried(gate, NO_MATCH, 7)
    assert reasons == [Reason.NO_MATCH] * 5 + [Reason.LOCKED_OUT] * 2


def test_while_it_is_closed_nobody_is_looked_at(gate):
    tried(gate, NO_MATCH, 5)
    decision = gate.decide("ada", "camera 0", lambda: pytest.fail("a face was judged"))
    assert not decision.accepted
    assert decision.reason is Reason.LOCKED_OUT


def test_what_liveness_refuses_counts(gate):
    assert tried(gate, NOT_LIVE, 6)[-1] is Reason.LOCKED_OUT


def test_an_empty_picture_is_no_guess(gate):
    assert tried(gate, NO_FACE, 50) == [Reason.NO_FACE] * 50
    assert tried(gate, NO_MATCH, 6)[-1] is Reason.LOCKED_OUT


def test_gestures_are_counted_by_a_rule_of_their_own(gate, clock):
    """Off after two, until the password; nothing else is."""
    gate.attempt("ada", GESTURE_SOURCE)
    made = gate.attempt("ada", GESTURE_SOURCE)
    made.withdraw()
    made.withdraw()  # it is taken back once
    assert gate.allowances()[AttemptSource("ada", GESTURE_SOURCE)].tries == 1
    gate.attempt("ada", GESTURE_SOURCE)
    clock.wait(10 * 86400.0)
    clock.reboot()
    assert not gate.attempt("ada", GESTURE_SOURCE).allowed
    assert gate.attempt("grace", GESTURE_SOURCE).allowed
    assert tried(gate, MATCH, 1, source="unlock") == [Reason.MATCH]
    assert not gate.attempt("ada", GESTURE_SOURCE).allowed
    gate.reset("ada")
    assert gate.attempt("ada", GESTURE_SOURCE).allowed


def test_success_starts_over(gate):
    for _ in range(4):
        assert tried(gate, NO_MATCH, 4) == [Reason.NO_MATCH] * 4
        assert tried(gate, MATCH, 1) == [Reason.MATCH]


def test_each_owner_and_source_has_its_own_count(gate):
    tried(gate, NO_MATCH, 6)
    assert tried(gate, NO_MATCH, 1, owner="grace") == [Reason.NO_MATCH]
    assert tried(gate, NO_MATCH, 1, source="service") == [Reason.NO_MATCH]
    assert tried(gate, NO_MATCH, 1) == [Reason.LOCKED_OUT]


def test_the_wait_is_over_after_five_minutes_and_grows(gate, clock):
    for wait in (300, 900, 3600):
        assert tried(gate, NO_MATCH, 6)[4:] == [Reason.NO_MATCH, Reason.LOCKED_OUT]
        clock.wait(wait - 1)
        assert tried(gate, MATCH, 1) == [Reason.LOCKED_OUT]
        clock.wait(1)


def test_failures_slower_than_five_in_five_minutes_do_not_close_it_for_now(gate, clock):
    for _ in range(19):
        assert tried(gate, NO_MATCH, 1) == [Reason.NO_MATCH]
        clock.wait(76)


def test_a_reboot_neither_opens_nor_locks_for_ever(gate, clock):
    tried(gate, NO_MATCH, 5)
    for _ in range(5):
        clock.reboot()
        assert tried(gate, MATCH, 1) == [Reason.LOCKED_OUT]
    clock.wait(299)
    assert tried(gate, MATCH, 1) == [Reason.LOCKED_OUT]
    clock.wait(2)
    assert tried(gate, MATCH, 1) == [Reason.MATCH]


def test_a_clock_that_went_back_neither_opens_nor_locks_for_ever(gate, clock):
    tried(gate, NO_MATCH, 5)
    clock.wait(-900)
    assert tried(gate, MATCH, 1) == [Reason.LOCKED_OUT]
    clock.wait(301)
    assert tried(gate, MATCH, 1) == [Reason.MATCH]


def test_the_wall_clock_is_not_asked(gate, monkeypatch):
    import time

    tried(gate, NO_MATCH, 5)
    monkeypatch.setattr(time, "time", lambda: pytest.fail("asked"))
    assert tried(gate, MATCH, 1) == [Reason.LOCKED_OUT]


def test_the_real_clock_goes_on():
    from onlyme.gate.clock import measure_elapsed, read_clock

    first = read_clock()
    assert first.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert 0 <= measure_elapsed(first, read_clock()) < 5


def test_counts_survive_a_restart(gate, store, folder, clock):
    tried(gate, NO_MATCH, 5)
    store.close()
    again = Store(folder)
    assert tried(Gate(again, now=clock), MATCH, 1) == [Reason.LOCKED_OUT]
    again.close()


def test_an_attempt_that_dies_has_failed(gate):
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            gate.decide("ada", "camera 0", lambda: 1 / 0)
    assert tried(gate, MATCH, 1) == [Reason.LOCKED_OUT]


def test_attempts_side_by_side_share_the_tries(gate):
    begun = [gate.attempt("ada", "camera 0") for _ in range(8)]
    assert [attempt.allowed for attempt in begun] == [True] * 5 + [False] * 3
    begun[0].settle(NO_MATCH)
    with pytest.raises(UsageError):
        begun[0].settle(MATCH)
    with pytest.raises(UsageError):
        begun[7].settle(MATCH)


def test_a_success_gives_no_extra_try_to_those_side_by_side(gate):
    begun = [gate.attempt("ada", "camera 0") for _ in range(5)]
    begun[0].settle(MATCH)
    assert gate.allowances()[AttemptSource("ada", "camera 0")].tries == 1
    for attempt in begun[1:]:
        attempt.settle(NO_MATCH)
    assert gate.allowances()[AttemptSource("ada", "camera 0")].tries == 1


def test_the_password_starts_over(gate):
    tried(gate, NO_MATCH, 5)
    tried(gate, NO_MATCH, 5, owner="grace")
    gate.reset("ada")
    assert tried(gate, NO_MATCH, 1) == [Reason.NO_MATCH]
    assert tried(gate, NO_MATCH, 1, owner="grace") == [Reason.LOCKED_OUT]
    gate.reset()
    assert gate.allowances() == {}


def test_a_stream_is_gated_attempt_by_attempt(gate, clock):
    decisions = iter([NO_FACE, *[NO_MATCH] * 6, MATCH, MATCH])
    reasons = []
    for decision in gate.attempt_each("ada", "camera 0", decisions):
        reasons.append(decision.reason)
        if len(reasons) == 8:
            clock.wait(300)
    assert reasons == [
        Reason.NO_FACE,
        *[Reason.NO_MATCH] * 5,
        Reason.LOCKED_OUT,
        Reason.LOCKED_OUT,
        Reason.MATCH,
    ]


def test_a_stream_that_ends_costs_no_try(gate):
    for _ in range(9):
        list(gate.attempt_each("ada", "camera 0", iter([])))
    assert gate.allowances()[AttemptSource("ada", "camera 0")].tries == 5


def test_what_cannot_be_written_down_does_not_open(gate, store):
    def judge():
        store.close()
        return MATCH

    with pytest.raises(VaultError):
        gate.decide("ada", "camera 0", judge)


def test_processes_side_by_side_get_no_extra_try(folder):
    assert race(folder, processes=16, attempts=12) == (Policy().tries, 16 * 12)
