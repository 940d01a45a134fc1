"""A login at a real console opens a real GNOME keyring after face and gesture alone."""

import json

import pytest

from onlyme.liveness.gestures import Gesture
from tests.machine.desk import HOME, PASSWORD, USER
from tests.unlock.conftest import clip
from tests.unlock.keyring.conftest import SESSION

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("machine")]

PYTHON = f"{HOME}/bin/python -I"
DRAW = "return random.SystemRandom().choice(GESTURES)"
NAMES = ["mail", "wifi"]


@pytest.fixture
def nods(screen, desk, films, data):
    """The daemon always asks for a nod, and she nods."""
    file = desk.path(f"{HOME}/source/onlyme/unlock/daemon/gesture_request.py")
    text = file.read_text()
    assert DRAW in text
    file.write_text(text.replace(DRAW, "return Gesture.NOD"))
    desk.path("/srv/session.py").write_text(SESSION.read_text())
    desk.configure()
    desk.show(films[Gesture.NOD])
    yield desk.console
    desk.end_sessions()
    file.write_text(text)
    desk.show(clip(data, USER))  # what the other tests count on, as on a gesture that is not missed
    desk.configure()
    desk.machine.check(f"{HOME}/bin/onlyme", "unlock", "retry", "--user", USER)


def look(console, *words):
    said = console.run(f"{PYTHON} /srv/session.py {' '.join(words or ['look'])}").stdout
    return json.loads(said[said.rindex("{") :])


def switch(desk, what):
    words = (f"{HOME}/bin/onlyme", "unlock", "keyring", what)
    return desk.machine.check(*words, text_in=f"{PASSWORD}\n", SUDO_USER=USER)


def test_the_console_opens_her_keyring_after_a_gesture(nods, desk, films):
    rules = desk.path("/etc/pam.d/login").read_bytes()
    nods.log_in(USER, None)
    first = "gnome-keyring-daemon --replace --unlock --components=secrets"
    assert nods.run(f"printf '%s' '{PASSWORD}' | {first}").returncode == 0
    assert look(nods, "store", *NAMES) == {"locked": False, "items": NAMES}
    assert "all 2 entries are there" in switch(desk, "on")
    desk.end_sessions()

    seen = nods.log_in(USER, None)
    assert "nod: lower your head" in seen
    assert look(nods) == {"locked": False, "items": NAMES}
    desk.end_sessions()

    desk.show(films[None])  # she makes no gesture: the password opens, and the keyring stays closed
    nods.read_until("login:")
    nods.clear()
    nods.type(f"{USER}\n")
    assert "your keyring stays closed" in nods.answer("Password:", PASSWORD, "$")
    assert look(nods)["locked"]
    opened = nods.run(f"echo '{PASSWORD}' | {HOME}/bin/onlyme unlock keyring open")
    assert opened.returncode == 0, opened.stdout
    assert look(nods) == {"locked": False, "items": NAMES}

    assert "opens the keyring again; all 2 entries are there" in switch(desk, "off")
    assert desk.path("/etc/pam.d/login").read_bytes() == rules
