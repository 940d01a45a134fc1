"""The rule alone: states and moments, no vault."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlyme.errors import VaultDamaged
from onlyme.gate.clock import Moment
from onlyme.gate.policy import (
    DEFAULT_POLICY,
    GESTURE_POLICY,
    AttemptAllowance,
    GateState,
    Policy,
)

DAY = 86400.0

steps = st.lists(
    st.tuples(st.sampled_from(["try", "wait", "reboot", "back"]), st.floats(0.0, 9000.0)),
    max_size=120,
)


def acted(doing, policy=DEFAULT_POLICY):
    """Fail again and again; return the state, the clock, and when a try was allowed."""
    moment, real = Moment("0", 50.0), 0.0
    state, allowed = GateState(moment), []
    for number, (what, seconds) in enumerate(doing):
        if what == "try":
            state, standing = state.begin(policy, moment, str(number))
            if standing.tries:
                allowed.append(real)
                state = state.fail(moment, str(number))
        elif what == "wait":
            moment, real = moment._replace(seconds=moment.seconds + seconds), real + seconds
        elif what == "reboot":
            moment = Moment(str(number), 0.0)
        else:
            moment = moment._replace(seconds=max(0.0, moment.seconds - seconds))
        state = GateState.from_bytes(state.to_bytes())
    return state, moment, allowed


@given(steps)
def test_no_more_than_allowed_in_any_five_minutes_and_any_day(doing):
    _, _, allowed = acted(doing)
    for at in allowed:
        assert (
            sum(at <= other < at + DEFAULT_POLICY.within for other in allowed)
            <= DEFAULT_POLICY.tries
        )
        assert sum(at <= other < at + DAY for other in allowed) <= DEFAULT_POLICY.daily


@given(steps)
def test_nobody_is_locked_out_for_ever(doing):
    state, moment, _ = acted(doing)
    moment = Moment("last boot", 2 * DAY)
    assert state.allowance(DEFAULT_POLICY, moment).tries > 0


@given(steps)
def test_the_wait_that_is_told_is_the_wait(doing):
    state, moment, _ = acted(doing)
    allowance = state.allowance(DEFAULT_POLICY, moment)
    if allowance.tries == 0:
        before = moment._replace(seconds=moment.seconds + allowance.wait * 0.999)
        after = moment._replace(seconds=moment.seconds + allowance.wait + 1e-3)
        assert state.allowance(DEFAULT_POLICY, before).tries == 0
        later = state.allowance(DEFAULT_POLICY, after)
        assert later.tries > 0 or later.wait > 0


def test_four_every_five_minutes_are_twenty_a_day():
    _, _, allowed = acted([("try", 0.0), ("wait", 76.0)] * 3000)
    days = 3000 * 76.0 / DAY
    assert len(allowed) <= 20 * (days + 1)
    assert sum(at < DAY for at in allowed) == 20


def test_waits_grow_until_the_last():
    policy = Policy(daily=1000)
    state, moment = GateState(Moment("0", 0.0)), Moment("0", 0.0)
    waits = []
    for _ in range(7):
        for number in range(policy.tries):
            state, _ = state.begin(policy, moment, str(number))
        waits.append(state.allowance(policy, moment).wait)
        moment = moment._replace(seconds=moment.seconds + waits[-1])
    assert waits == pytest.approx([300, 900, 3600, 14400, 86400, 86400, 86400])


def test_a_try_that_judged_nobody_is_given_back_also_when_it_was_the_last():
    moment = Moment("0", 0.0)
    state = GateState(moment)
    for number in range(4):
        state, _ = state.begin(DEFAULT_POLICY, moment, str(number))
        state = state.fail(moment, str(number))
    state, _ = state.begin(DEFAULT_POLICY, moment, "last")
    assert state.allowance(DEFAULT_POLICY, moment).tries == 0
    state = state.withdraw(DEFAULT_POLICY, moment, "last")
    assert state.allowance(DEFAULT_POLICY, moment) == AttemptAllowance(1, 0.0)
    assert state.withdraw(DEFAULT_POLICY, moment, "last") == state


@given(steps)
def test_two_gestures_that_were_missed_within_a_day_end_it_for_ever(doing):
    state, moment, allowed = acted(doing, GESTURE_POLICY)
    closed = any(b - a < DAY for a, b in itertools.pairwise(allowed))
    # No clock, no boot and no wait opens it again.
    for later in (moment, Moment("last boot", 1e9)):
        assert (state.allowance(GESTURE_POLICY, later).tries == 0) is closed
    for at in allowed:
        assert sum(at <= other < at + DAY for other in allowed) <= 2


def test_a_gesture_that_was_made_takes_back_its_own_try_only():
    moment = Moment("0", 0.0)
    state, _ = GateState(moment).begin(GESTURE_POLICY, moment, "missed")
    for number in range(5):
        state, _ = state.begin(GESTURE_POLICY, moment, str(number))
        assert state.allowance(GESTURE_POLICY, moment).tries == 0
        state = GateState.from_bytes(state.to_bytes()).withdraw(GESTURE_POLICY, moment, str(number))
        assert state.allowance(GESTURE_POLICY, moment).tries == 1
    state, _ = state.begin(GESTURE_POLICY, moment, "missed, too")
    assert state.allowance(GESTURE_POLICY, moment) == AttemptAllowance(0, math.inf)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"null", b'{"read": ["a", 1]}', b"\xff"])
def test_what_it_never_wrote_is_refused(data):
    with pytest.raises(VaultDamaged):
        GateState.from_bytes(data)
