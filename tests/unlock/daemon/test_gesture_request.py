"""Check how a request for a gesture is held: what is drawn, who may say that it is shown, when."""

import itertools
import threading
from collections import Counter

from onlyme.liveness.gestures import Gesture
from onlyme.unlock.daemon import gesture_request
from onlyme.unlock.daemon.gesture_request import GESTURES, GestureRequest, draw
from onlyme.unlock.daemon.peer import Peer

HELPER = Peer(7, 0, 0)


def test_each_gesture_is_drawn_as_often_and_nothing_tells_the_next():
    drawn = [draw() for _ in range(3000)]
    counts = Counter(drawn)
    assert set(counts) == set(GESTURES) == {Gesture.NOD, Gesture.LEFT, Gesture.RIGHT}
    assert min(counts.values()) > 850  # six standard deviations below a third
    after = Counter(b for a, b in itertools.pairwise(drawn) if a is Gesture.NOD)
    assert min(after.values()) > 230


def test_only_the_helper_that_was_asked_can_show_it():
    asked, other = GestureRequest(HELPER, "ada"), GestureRequest(HELPER, "ada")
    assert asked.ticket != other.ticket
    assert asked.is_held_by(HELPER, asked.ticket)
    for peer, ticket in (
        (HELPER, other.ticket),
        (HELPER, ""),
        (HELPER, asked.ticket[:-1]),
        (HELPER, "é\ud800"),
        (Peer(8, 0, 0), asked.ticket),
        (Peer(7, 4242, 0), asked.ticket),
    ):
        assert not asked.is_held_by(peer, ticket)


def test_it_waits_until_the_gesture_is_shown(monkeypatch):
    monkeypatch.setattr(gesture_request, "PROMPT_SECONDS", 60)
    asked = GestureRequest(HELPER, "ada")
    asked.prompt.add_done_callback(lambda _: threading.Timer(0.1, asked.acknowledge).start())
    assert asked.ask(Gesture.NOD)
    assert asked.prompt.result() is Gesture.NOD
    gone = GestureRequest(HELPER, "ada")
    gone.prompt.add_done_callback(lambda _: threading.Timer(0.1, gone.give_up).start())
    assert not gone.ask(Gesture.NOD)


def test_a_gesture_that_is_not_shown_in_time_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(gesture_request, "PROMPT_SECONDS", 0.05)
    asked = GestureRequest(HELPER, "ada")
    assert not asked.ask(Gesture.NOD)


def test_a_rival_is_told_of_once():
    asked = GestureRequest(HELPER, "ada")
    assert not asked.must_tell_of_rival()
    asked.note_rival()
    asked.note_rival()
    assert asked.must_tell_of_rival()
    assert not asked.must_tell_of_rival()
