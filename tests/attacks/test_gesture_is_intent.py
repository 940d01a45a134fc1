"""Attack: a program of the user opens sudo with the face of the user who sits at the camera.

It has terminals of its own, may type and ask as often as it likes, and speaks the daemon's
protocol. What it lacks is a movement of the user's head that it was not able to know before.
"""

import sys
import time

import pytest

from onlyme.faceid import wiring
from onlyme.gate.admission import GESTURE_SOURCE, AttemptSource
from onlyme.liveness.gestures import Gesture, make_gesture_prompt
from onlyme.settings import Settings
from onlyme.unlock.daemon.recognizer import SOURCE
from onlyme.unlock.transport import ask
from tests.unlock.conftest import allow_sudo, camera, run_drawing, set_gesture, show
from tests.unlock.daemon.test_asking import film_empty_room, put_question
from tests.unlock.stack import LINES, PASSWORD, UID, USER, WRONG, Terminal

pytestmark = pytest.mark.data

NOD, LEFT, RIGHT = Gesture.NOD, Gesture.LEFT, Gesture.RIGHT
SUDO_AS_ROOT = {"user": USER, "service": "sudo", "asker": "owner", "seat": "local"}
OFF = "two gestures were asked for and not made"


def words(gesture):
    return make_gesture_prompt(gesture)[1]


def read_tries(stack):
    """Return how many gestures may still be missed."""
    with open_vault(stack) as vault:
        allowance = vault.gate.allowances().get(AttemptSource(USER, GESTURE_SOURCE))
        return 2 if allowance is None else allowance.tries


def count_looks(stack):
    """Return how often a face was looked for, whatever came of it."""
    with open_vault(stack) as vault:
        return sum(entry.source == SOURCE for entry in vault.gate.audit.entries(USER))


def open_vault(stack):
    return wiring.open_vault(
        Settings.load(
            vault=stack.folder / "lib/onlyme", key_file=stack.folder / "etc/onlyme/vault.key"
        )
    )


@pytest.fixture
def stack(stack, films):
    """She sits at the camera and moves, without a gesture."""
    allow_sudo(stack)
    show(stack, films[None])
    stack.configure(camera=camera(stack), unlock_gesture_seconds=50)
    return stack


@pytest.fixture
def desk(stack):
    with stack.daemon(command=run_drawing(stack, NOD)):
        yield stack


def start_sudo(stack, *more, program="sudo"):
    return Terminal(stack, program, "id", "-u", *more, uid=UID)


def sudo(stack, gesture=NOD):
    """Run her sudo; return what its terminal showed before the password, or its output."""
    terminal = start_sudo(stack)
    terminal.read_until(words(gesture))
    assert not terminal.seen.endswith("0")
    while "assword for" not in terminal.seen and terminal.process.poll() is None:
        terminal.read_some()
    terminal.close()
    return terminal.seen


# ------------------------------------------------------------- a program on a terminal of its own


@pytest.mark.parametrize("keys", ["\n", "y", "\x1b", "\x03", "nod: lower your head\n"])
def test_no_key_opens(desk, keys):
    terminal = start_sudo(desk)
    terminal.read_until("any key: password")
    terminal.type(keys)
    terminal.read_until("instead of the gesture")
    terminal.read_until("assword for")
    terminal.close()
    assert read_tries(desk) == 1


def test_what_she_does_by_chance_does_not_open(desk):
    """She is there, alive, and moves, but not as it was drawn. One run of sudo has one try."""
    terminal = start_sudo(desk)
    terminal.read_until("the gesture that was asked for was not seen")
    terminal.read_until("assword for")
    terminal.type(f"{WRONG}\n")
    terminal.read_until("only one try")
    terminal.close()
    assert terminal.seen.count(words(NOD)) == 1
    assert count_looks(desk) == 1
    assert read_tries(desk) == 1


@pytest.mark.parametrize(("asked", "shown"), [(NOD, LEFT), (LEFT, RIGHT), (RIGHT, NOD)])
def test_a_recording_of_another_gesture_does_not_open(desk, films, asked, shown):
    set_gesture(desk, asked)
    show(desk, films[shown])
    assert "the gesture that was asked for was not seen" in sudo(desk, asked)


def test_asking_again_and_again_ends_after_two(stack, films):
    """Also over a restart, and without the camera; only the password ends it."""
    with stack.daemon(command=run_drawing(stack, NOD)):
        for left in (1, 0):
            sudo(stack)
            assert read_tries(stack) == left
        looks = count_looks(stack)
    show(stack, films[NOD])  # now she would nod
    with stack.daemon(command=run_drawing(stack, NOD)):
        for _ in range(3):
            terminal = start_sudo(stack)
            terminal.read_until("assword for")
            terminal.close()
            assert OFF in " ".join(terminal.seen.split())
            assert words(NOD) not in terminal.seen
        assert count_looks(stack) == looks
        status, answer = put_question(stack, "status", UID, user=USER, service="sudo")
        assert (status, answer["reason"]) == (200, "gestures_missed")
        assert stack.login().opened  # a login needs no gesture
        retry = (sys.executable, "-m", "onlyme", "unlock", "retry")
        assert stack.run(*retry, uid=UID, text_in="wrong\n").returncode == 2
        assert OFF in " ".join(sudo_without_gesture(stack).split())
        assert stack.run(*retry, uid=UID, text_in=f"{PASSWORD}\n").returncode == 0
        assert sudo(stack).split()[-1] == "0"


def sudo_without_gesture(stack):
    terminal = start_sudo(stack)
    terminal.read_until("assword for")
    terminal.close()
    return terminal.seen


def test_a_gesture_that_was_made_forgives_none_that_was_not(desk, films):
    """Or each honest sudo would give a program that watches one more try."""
    sudo(desk)
    show(desk, films[NOD])
    assert sudo(desk).split()[-1] == "0"
    assert read_tries(desk) == 1
    show(desk, films[None])
    sudo(desk)
    assert OFF in " ".join(sudo_without_gesture(desk).split())


def test_a_second_request_is_refused_while_she_nods_for_the_first(desk, films):
    """It is not looked for, it costs no try, and the first prompt tells her of it."""
    film_empty_room(desk.folder / "empty.avi")
    show(desk, desk.folder / "empty.avi")  # so that the first one waits for long
    first = start_sudo(desk)
    first.read_until(words(NOD))
    show(desk, films[NOD])
    began = time.monotonic()
    second = start_sudo(desk)
    second.read_until("another program asks for your face at this moment")
    second.read_until("assword for")
    assert words(NOD) not in second.seen
    assert time.monotonic() - began < 30
    second.close()
    first.read_until("another program asked for your face at the same time")
    third = start_sudo(desk)
    third.read_until("assword for")
    third.close()
    assert words(NOD) not in third.seen
    first.read_until("assword for")
    first.close()
    assert read_tries(desk) == 1
    assert sudo(desk).split()[-1] == "0"


# ---------------------------------------------------------- a program that knows the protocol


def test_a_program_of_the_user_can_neither_show_a_gesture_nor_gain_by_it(desk, films):
    show(desk, films[NOD])
    socket = str(desk.socket())
    status, asked = ask(socket, "/v1/attempt", SUDO_AS_ROOT | {"can_show": True}, 30)
    assert (status, asked["reason"]) == (200, "gesture")
    # It may know the ticket, as if it had read it somewhere.
    for ticket in (asked["ticket"], "0" * 32, ""):
        status, answer = put_question(desk, "attempt", UID, user=USER, ticket=ticket)
        assert (status, answer["error"]) == (403, "UsageError")
    # What it asks as itself opens nothing: sudo believes its own helper only.
    status, answer = put_question(desk, "attempt", UID, **SUDO_AS_ROOT)
    assert status == 200
    assert "ticket" not in answer
    assert read_tries(desk) == 1


def test_a_gesture_that_nobody_shows_counts(desk):
    """A program can stop its terminal, and with it the helper, once it has seen the gesture."""
    socket = str(desk.socket())
    for left, service in ((1, "sudo"), (0, "su")):  # this process has one try for each
        question = SUDO_AS_ROOT | {"can_show": True, "service": service}
        status, asked = ask(socket, "/v1/attempt", question, 30)
        assert (status, asked["reason"]) == (200, "gesture")
        assert read_tries(desk) == left
        time.sleep(2.5)
        late = ask(socket, "/v1/attempt", {"ticket": asked["ticket"]}, 30)[1]
        assert (late["accepted"], late["reason"]) == (False, "not_shown")
    assert count_looks(desk) == 0
    last = SUDO_AS_ROOT | {"can_show": True, "service": "doas"}
    assert ask(socket, "/v1/attempt", last, 30)[1]["reason"] == "gestures_missed"


def test_a_ticket_opens_once(desk, films):
    show(desk, films[NOD])
    socket = str(desk.socket())
    _, asked = ask(socket, "/v1/attempt", SUDO_AS_ROOT | {"can_show": True}, 30)
    assert ask(socket, "/v1/attempt", {"ticket": "0" * 32}, 30)[1]["reason"] == "not_shown"
    assert ask(socket, "/v1/attempt", {"ticket": asked["ticket"]}, 60)[1]["accepted"]
    assert not ask(socket, "/v1/attempt", {"ticket": asked["ticket"]}, 60)[1]["accepted"]


def test_without_a_place_to_show_it_no_gesture_is_drawn(desk):
    answer = ask(str(desk.socket()), "/v1/attempt", SUDO_AS_ROOT, 30)[1]
    assert (answer["accepted"], answer["reason"]) == (False, "no_prompt")
    assert read_tries(desk) == 2


def test_a_camera_that_is_held_busy_draws_no_gesture(desk):
    """Or a program could have gestures drawn until it gets the one that she just makes."""
    camera(desk).write_bytes(b"no video")
    answer = ask(str(desk.socket()), "/v1/attempt", SUDO_AS_ROOT | {"can_show": True}, 30)[1]
    assert (answer["accepted"], answer["reason"]) == (False, "camera")
    assert read_tries(desk) == 2


# --------------------------------------------------------------------- a program that shows falsely


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[2J\x1b[1;1Honlyme: apt upgrade",
        "x\nonlyme: apt upgrade\n  → turn your head to your right",
        "x\r  → turn your head to your right",
        " " * 300 + "  → turn your head to your right",
        "y" * 60 + " → turn your head to your right, to allow it with your face",
        "\u202etfel ruoy ot daeh ruoy nrut",
        "e" + "\u0301" * 500,
        "שלום" * 10,
    ],
)
def test_a_command_cannot_draw_the_prompt(desk, hostile):
    """Nothing of it leaves its own line, and nothing of it stands where the gesture stands."""
    terminal = start_sudo(desk, hostile)
    terminal.read_until("any key: password")
    terminal.type("x")
    terminal.close()
    shown = terminal.seen.replace("\r\n", "\n")
    assert not set(shown) & {"\x1b", "\r", "\u202e", "\u0301", "ש"}
    command, asked = shown.split("\n")[:2]
    assert command.startswith("onlyme: sudo id -u")
    assert len(command) <= 80
    assert not set(command) & set("←→↑↓")  # its words stand in its own line, without an arrow
    arrow, gesture = make_gesture_prompt(NOD)
    assert asked == f"  {arrow} {gesture}, to allow it with your face; any key: password "


def test_a_program_under_another_name_is_named_as_the_kernel_does(desk, tmp_path):
    code = "import os; os.execv('/usr/bin/sudo', ['apt upgrade', 'id', '-u'])"
    terminal = Terminal(desk, sys.executable, "-c", code, uid=UID)
    terminal.read_until("any key: password")
    terminal.close()
    assert "onlyme: sudo id -u" in terminal.seen
    assert "apt upgrade" not in terminal.seen


# ------------------------------------------------------------------- and what must still work


@pytest.mark.parametrize("gesture", [NOD, LEFT, RIGHT])
def test_her_own_sudo_at_her_desk_opens(desk, films, gesture):
    set_gesture(desk, gesture)
    show(desk, films[gesture])
    said = sudo(desk, gesture)
    assert said.split()[-1] == "0", said
    assert read_tries(desk) == 2


def test_her_own_su_opens(desk, films):
    desk.service("su", LINES)
    show(desk, films[NOD])
    terminal = Terminal(desk, "su", USER, "-c", "id -un", uid=UID)
    terminal.read_until(words(NOD))
    assert terminal.end(), terminal.seen
    assert terminal.seen.split()[-1] == USER


def test_where_root_sets_it_enter_comes_first(stack, films):
    show(stack, films[NOD])
    more = {"unlock_confirm": "sudo", "unlock_confirm_seconds": 50, "unlock_gesture_seconds": 50}
    stack.configure(camera=camera(stack), **more)
    with stack.daemon(command=run_drawing(stack, NOD)):
        terminal = start_sudo(stack)
        terminal.read_until("Enter allows it")
        terminal.type("x")
        terminal.read_until("assword for")
        terminal.close()
        assert read_tries(stack) == 2  # no gesture was drawn
        terminal = start_sudo(stack)
        terminal.read_until("Enter allows it")
        terminal.type("\n")
        terminal.read_until(words(NOD))
        assert terminal.end(), terminal.seen
        assert terminal.seen.split()[-1] == "0"
