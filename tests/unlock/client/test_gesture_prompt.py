"""The helper shows a gesture on the terminal and the desktop, and sends what came of it."""

import json
import os
import select
import tempfile
import threading
import time
from pathlib import Path

import pytest

from onlyme.unlock.client import intent
from onlyme.unlock.client.terminal import Prompt
from tests.unlock.client.answering import MATCH, PAM, answer, http

pytestmark = pytest.mark.usefixtures("no_timer", "owner_asks")


GESTURE = {
    "accepted": False,
    "reason": "gesture",
    "message": "make it",
    "ticket": "t1",
    "arrow": "↓",
    "words": "nod\x1b[2J",
    "seconds": 5.0,
}
RIVAL = {"accepted": False, "reason": "rival", "message": "another program asked"}
NO_PROMPT = {"accepted": False, "reason": "no_prompt", "message": "nowhere"}
SUDO = PAM | {"PAM_SERVICE": "sudo"}


def read_documents(answering):
    return [json.loads(each.partition(b"\r\n\r\n")[2]) for each in answering.asked]


def test_without_a_terminal_the_desktop_shows_the_gesture(tmp_path, desktop):
    said = (NO_PROMPT, GESTURE, RIVAL, MATCH)
    opened, why, asked = answer(tmp_path, *map(http, said), environment=SUDO)
    assert (opened, why) == (True, "")
    documents = read_documents(asked)
    assert [each.get("can_show") for each in documents] == [False, True, None, None]
    assert [each.get("ticket") for each in documents] == [None, None, "t1", "t1"]
    announced, gesture, closed = desktop
    assert "wait for the movement" in announced[1]
    assert gesture == (4242, "sudo asks for your face: ↓ nod[2J", "")
    assert closed == "closed"


def test_a_desktop_that_takes_nothing_is_asked_for_no_gesture(tmp_path):
    opened, why, asked = answer(tmp_path, http(NO_PROMPT), http(MATCH), environment=SUDO)
    assert (opened, why) == (False, "nowhere")
    assert len(asked.asked) == 1


def test_a_desktop_that_does_not_take_the_gesture_ends_it(tmp_path):
    opened, why, asked = answer(tmp_path, http(GESTURE), http(MATCH), environment=SUDO)
    assert not opened
    assert "could not be shown on your desktop" in why
    assert len(asked.asked) == 1


@pytest.mark.parametrize(
    "said",
    [
        (GESTURE, GESTURE, MATCH),  # a gesture is asked for once
        (GESTURE, RIVAL, RIVAL, RIVAL, MATCH),
        (GESTURE | {"accepted": True}, RIVAL | {"accepted": True}, {"accepted": True}),
        (GESTURE | {"seconds": None}, {}),
        (NO_PROMPT, NO_PROMPT, MATCH),
        (NO_PROMPT | {"accepted": True}, GESTURE | {"accepted": True}, {}),
    ],
)
@pytest.mark.usefixtures("desktop")
def test_nothing_but_a_match_ends_a_gesture_well(tmp_path, said):
    assert answer(tmp_path, *map(http, said), environment=SUDO)[0] is False


def test_a_service_that_gives_no_rights_is_asked_for_no_gesture(tmp_path):
    for first in (GESTURE, NO_PROMPT):
        with tempfile.TemporaryDirectory() as folder:
            said = answer(
                Path(folder), http(first), http(MATCH), environment=PAM | {"PAM_SERVICE": "lightdm"}
            )
            assert said[0] is False


def test_greetd_is_given_the_gesture_as_a_line_of_pam(tmp_path, capfdbinary):
    greetd = PAM | {"PAM_SERVICE": "greetd"}
    assert answer(tmp_path, http(GESTURE), http(MATCH), environment=greetd)[0] is True
    shown = capfdbinary.readouterr().out.decode()
    assert "nod[2J, to log in and open your keyring" in shown
    assert "\x1b" not in shown


def test_polkits_notification_does_not_name_its_own_helper(tmp_path, desktop):
    answer(tmp_path, http(GESTURE), http(MATCH), environment=PAM | {"PAM_SERVICE": "polkit-1"})
    (_, title, body), _ = desktop
    assert title.startswith("polkit-1 asks for your face: ↓ nod")
    assert "only if you have just asked for this" in body


def test_a_gesture_is_shown_on_the_terminal_without_what_could_draw(tmp_path, terminal, desktop):
    said = (http(GESTURE), http(RIVAL), http(MATCH))
    assert answer(tmp_path, *said, environment=SUDO)[0] is True
    shown = ""
    while "another program asked" not in shown:
        assert select.select([terminal], [], [], 10)[0], shown
        shown += os.read(terminal, 4096).decode()
    assert "onlyme: sudo id" in shown
    assert "↓ nod[2J, to allow it with your face" in shown
    assert "\x1b" not in shown
    assert desktop == [(4242, "sudo asks for your face: ↓ nod[2J", "sudo id"), "closed"]


def test_a_key_ends_the_wait_for_a_gesture(tmp_path, terminal):
    def press_key():
        while b"password" not in os.read(terminal, 4096):
            pass
        os.write(terminal, b"x")

    threading.Thread(target=press_key, daemon=True).start()
    began = time.monotonic()
    asked = http(GESTURE | {"seconds": 50.0})
    opened, why, _ = answer(tmp_path, asked, arguments=("--seconds", "20"), environment=SUDO)
    assert not opened
    assert "A key was pressed instead of the gesture; use the password" in why
    assert time.monotonic() - began < 30


def test_keys_are_not_shown_while_it_waits():
    ours, theirs = os.openpty()
    with Prompt(os.ttyname(theirs)) as prompt:
        os.write(ours, b"my password")
        assert select.select([prompt], [], [], 5)[0]
        assert not select.select([ours], [], [], 0.1)[0]
    os.close(ours)
    os.close(theirs)


def test_a_terminal_that_is_gone_shows_no_gesture(tmp_path, monkeypatch):
    monkeypatch.setattr(intent, "find_terminal", lambda *_: "/dev/null")
    opened, why, _ = answer(tmp_path, http(GESTURE), http(MATCH), environment=SUDO)
    assert not opened
    assert "could not be shown" in why
