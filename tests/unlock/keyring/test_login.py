"""A login by face and gesture opens a real GNOME keyring, and nothing else gets its password."""

import pytest

from onlyme.faceid import wiring
from onlyme.liveness.gestures import Gesture
from onlyme.settings import Settings
from onlyme.unlock.keyring.change import BOX, COPY
from onlyme.vault.backup import KEYRING
from tests.unlock.conftest import clip, show
from tests.unlock.daemon.test_asking import put_question
from tests.unlock.keyring.conftest import ENTRIES
from tests.unlock.stack import OTHER, OTHER_PASSWORD, OTHER_UID, PASSWORD, UID, USER

# In this order, on one desktop: it is switched on, attacked, and switched off.
pytestmark = [pytest.mark.data, pytest.mark.xdist_group("unlock-keyring")]

OPEN = {"locked": False, "items": ENTRIES}
QUESTION = {"user": USER, "service": "greetd"}
NEW = "new horse battery"
OPENED = "successfully opened a session"


def open_vault(desktop):
    folder = desktop.stack.folder
    settings = Settings.load(vault=folder / "lib/onlyme", key_file=folder / "etc/onlyme/vault.key")
    return wiring.open_vault(settings)


def read_own_password(desktop):
    with open_vault(desktop) as admin:
        return admin.store.read(KEYRING, USER).decode()


def test_it_is_off_by_default_and_a_face_needs_no_gesture(desktop):
    said = desktop.log_in()
    assert OPENED in said
    assert "nod" not in said
    assert desktop.ask("look")["locked"]
    assert "off: the login password" in desktop.onlyme("status").words


@pytest.mark.parametrize(("typed", "why"), [("wrong\n", "not the login password"), ("", "")])
def test_a_wrong_password_switches_nothing_on(desktop, typed, why):
    done = desktop.onlyme("on", text_in=typed)
    assert done.returncode == 2
    assert why in done.words
    assert desktop.rules() == desktop.plain
    assert not (desktop.keyrings / BOX).exists()


def test_a_program_in_the_keyrings_place_gets_no_login_password(desktop):
    """What owns the keyring's name on the bus of the user must be GNOME's own program."""
    with desktop.impostor() as caught:
        done = desktop.onlyme("on")
        assert done.returncode == 2
        assert "another program than gnome-keyring-daemon" in done.words
        assert caught() == b""
    assert not (desktop.keyrings / BOX).exists()
    assert desktop.rules() == desktop.plain


def test_only_root_switches_it(desktop):
    for what in ("on", "off"):
        assert "only root may do that" in desktop.onlyme(what, uid=UID).words


def test_it_is_switched_on_and_nothing_is_lost(desktop):
    done = desktop.onlyme("on")
    assert done.returncode == 0, done.stdout
    assert "all 3 entries are there" in done.words
    assert (desktop.keyrings / COPY).stat().st_uid == UID
    own = read_own_password(desktop)
    assert len(bytes.fromhex(own)) == 32
    for name in (BOX, "login.keyring"):
        assert own.encode() not in (desktop.keyrings / name).read_bytes()
        assert (desktop.keyrings / name).stat().st_mode & 0o077 == 0
    assert desktop.onlyme("on").returncode == 2  # once is enough


def test_a_face_with_a_gesture_opens_it(desktop):
    desktop.restart()
    said = desktop.log_in()
    assert "nod: lower your head" in said
    assert OPENED in said
    assert desktop.ask("look") == OPEN


# ------------------------------------------------------------------------------- attacks


def test_a_login_by_password_gets_nothing(desktop, films, data):
    desktop.restart()
    show(desktop.stack, clip(data, OTHER))
    said = desktop.log_in(password=PASSWORD)
    show(desktop.stack, films[Gesture.NOD])
    assert OPENED in said
    assert desktop.ask("look")["locked"]


def test_a_session_without_a_login_gets_nothing(desktop):
    """Root begins sessions without asking for anybody: cron, `su`, a login that is automatic."""
    assert OPENED in desktop.log_in("open_session")
    assert desktop.ask("look")["locked"]


def test_another_process_gets_nothing_after_a_face(desktop):
    assert "successfully authenticated" in desktop.log_in("authenticate")
    status, answer = put_question(desktop.stack, "keyring", **QUESTION)
    assert (status, answer) == (200, {"on": True, "password": None})
    assert OPENED in desktop.log_in("open_session")
    assert desktop.ask("look")["locked"]


def test_a_second_session_of_the_same_login_gets_nothing(desktop):
    before = desktop.stack.log().count("keyring=released")
    said = desktop.log_in("authenticate", "open_session", "open_session")
    assert said.count(OPENED) == 2
    assert desktop.stack.log().count("keyring=released") == before + 1
    desktop.restart()


@pytest.mark.parametrize("uid", [UID, OTHER_UID])
def test_no_user_gets_it(desktop, uid):
    for user in (USER, OTHER):
        status, answer = put_question(desktop.stack, "keyring", uid, user=user, service="greetd")
        assert status == 403
        assert "password" not in answer


def test_another_users_login_does_not_open_it(desktop):
    assert OPENED in desktop.log_in(user=OTHER, password=OTHER_PASSWORD)
    assert desktop.ask("look")["locked"]


def test_a_killed_daemon_stops_no_login_and_leaves_no_ticket(desktop):
    desktop.stop_daemon()
    said = desktop.log_in(password=PASSWORD)
    desktop.start_daemon()
    assert OPENED in said
    assert desktop.ask("look")["locked"]


def test_a_program_at_the_keyrings_name_gets_random_bytes_only(desktop):
    """It could read the open keyring anyway; what opens sudo stays with the user."""
    with desktop.impostor() as caught:
        said = desktop.log_in()
        assert OPENED in said
        assert read_own_password(desktop).encode() in caught()
        assert PASSWORD.encode() not in caught()


def test_a_new_login_password_changes_nothing(desktop):
    desktop.set_password(NEW)
    desktop.restart()
    assert OPENED in desktop.log_in()
    assert desktop.ask("look") == OPEN
    assert desktop.onlyme("off", text_in=f"{NEW}\n").returncode == 0
    desktop.restart()
    assert desktop.ask("open", NEW) == OPEN
    desktop.set_password(PASSWORD)
    done = desktop.onlyme("on")  # the keyring has the password of meanwhile
    assert done.returncode == 2
    assert "did not take the password" in done.words
    desktop.set_password(NEW)
    assert desktop.onlyme("on", text_in=f"{NEW}\n").returncode == 0
    desktop.set_password(PASSWORD)


@pytest.mark.parametrize("name", ["vault.sqlite", "etc/onlyme/vault.key"])
def test_an_altered_vault_or_another_machines_opens_nothing(desktop, name):
    folder = desktop.stack.folder
    path = folder / name if "/" in name else folder / "lib/onlyme" / name
    whole = path.read_bytes()
    desktop.stop_daemon()
    path.write_bytes(whole[: len(whole) // 2])
    desktop.start_daemon()
    desktop.restart()
    said = desktop.log_in(password=PASSWORD)
    desktop.stop_daemon()
    path.write_bytes(whole)
    desktop.start_daemon()
    assert OPENED in said
    assert desktop.ask("look")["locked"]


# ------------------------------------------------------------------------------- the way back


def test_the_login_password_opens_it_by_hand(desktop):
    """With the password of the time at which it was switched on."""
    desktop.restart()
    assert desktop.onlyme("open", uid=UID).returncode == 2
    assert desktop.ask("look")["locked"]
    done = desktop.onlyme("open", uid=UID, text_in=f"{NEW}\n")
    assert done.returncode == 0, done.stdout
    assert desktop.ask("look") == OPEN


def test_the_way_back_needs_no_vault(desktop):
    with open_vault(desktop) as admin, admin.store.edit() as edit:
        edit.remove(KEYRING, USER)
    done = desktop.onlyme("off", text_in=f"{PASSWORD}\n{NEW}\n")  # now's, then that of `on`
    assert done.returncode == 0, done.stdout
    assert "all 3 entries are there" in done.words
    assert desktop.onlyme("on").returncode == 0


def test_what_a_crash_left_half_way_is_put_in_order(desktop):
    """The password is in vault and box before the keyring gets it."""
    desktop.ask("change_password", read_own_password(desktop), PASSWORD)
    done = desktop.onlyme("off")
    assert done.returncode == 0, done.stdout
    assert "had it already" in done.words
    assert desktop.rules() == desktop.plain
    assert desktop.onlyme("on").returncode == 0


def test_it_is_switched_off_and_nothing_is_left(desktop):
    done = desktop.onlyme("off")
    assert done.returncode == 0, done.stdout
    assert desktop.rules() == desktop.plain
    assert {path.name for path in desktop.keyrings.iterdir()} <= {"login.keyring", "user.keystore"}
    with open_vault(desktop) as admin:
        assert admin.store.keys(KEYRING) == []
    desktop.restart()
    desktop.log_in()
    assert desktop.ask("look")["locked"]
    assert desktop.ask("open", PASSWORD) == OPEN
