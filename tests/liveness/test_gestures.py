"""Test that gestures are recognised at any frame rate, and that other movements are not."""

from onlyme.liveness.gestures import Gesture, draw_gesture, make_gesture_prompt


def test_each_gesture_has_words_and_an_arrow():
    for gesture in Gesture:
        arrow, words = make_gesture_prompt(gesture)
        assert len(arrow) == 1
        assert words


def test_every_gesture_is_drawn():
    assert {draw_gesture() for _ in range(300)} == set(Gesture)
