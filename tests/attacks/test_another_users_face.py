"""Attack: open something with the face of another user, who sits at the camera.

The user ada is before the camera all the time. The other user never sees a password of hers.
"""

import pytest

from onlyme.faceid import wiring
from onlyme.settings import Settings
from onlyme.unlock.daemon.recognizer import SOURCE
from tests.unlock.conftest import SUDO, allow_sudo, camera
from tests.unlock.stack import LINES, OTHER_UID, PASSWORD, UID, USER, WRONG, Terminal

pytestmark = pytest.mark.data

REFUSED = "a face opens only for the user who asks"


@pytest.fixture
def entered(stack):
    """Root accepts Enter, so that only the question who asks stands between them."""
    stack.service("su", LINES)
    allow_sudo(stack)
    stack.configure(camera=camera(stack), unlock_intent="enter", unlock_confirm_seconds=60)
    with stack.daemon():
        yield stack


def count_looks(stack):
    """Return how often the gate heard of her face, whatever came of it."""
    settings = Settings.load(
        vault=stack.folder / "lib/onlyme", key_file=stack.folder / "etc/onlyme/vault.key"
    )
    with wiring.open_vault(settings) as vault:
        return sum(entry.source == SOURCE for entry in vault.gate.audit.entries(USER))


def test_su_without_a_terminal(entered):
    done = entered.run("su", USER, "-c", "id -un", uid=OTHER_UID, text_in=f"{WRONG}\n")
    assert done.returncode
    assert REFUSED in done.stdout
    assert count_looks(entered) == 0


def test_su_with_enter_on_a_terminal_of_their_own(stack):
    stack.service("su", LINES)
    confirm = {"unlock_confirm": "su", "unlock_confirm_seconds": 60}
    stack.configure(camera=camera(stack), unlock_intent="enter", **confirm)
    with stack.daemon():
        terminal = Terminal(stack, "su", USER, "-c", "id -un", uid=OTHER_UID)
        terminal.read_until("Password")
        assert REFUSED in terminal.seen
        assert "Enter allows it" not in terminal.seen
        terminal.type("\n")
        assert not terminal.end()
        assert count_looks(stack) == 0


def test_sudo_that_asks_for_the_target_users_password(entered):
    """With `targetpw`, sudo asks for ada; it names the user who started it."""
    rule = entered.folder / "etc/sudoers.d/bob"
    rule.write_text("Defaults:bob targetpw\nbob ALL=(ALL) ALL\n")
    rule.chmod(0o440)
    terminal = Terminal(entered, "sudo", "-u", USER, "id", "-un", uid=OTHER_UID)
    terminal.read_until("assword")
    assert REFUSED in terminal.seen
    terminal.close()
    assert count_looks(entered) == 0


def test_a_process_that_leaves_its_own_parent_behind(entered):
    """A child whose parent ends gets another one, here one of root's: that one did not ask."""
    code = (
        "import os, time\n"
        "if os.fork(): os._exit(0)\n"
        "time.sleep(0.5)\n"
        f"os.execvp('su', ['su', '{USER}', '-c', 'id -un'])\n"
    )
    done = entered.run("python3", "-c", code, uid=OTHER_UID, text_in=f"{WRONG}\n")
    assert f"\n{USER}\n" not in f"\n{done.stdout}"
    assert count_looks(entered) == 0


def test_a_greeters_name_does_not_help_what_a_user_started(entered):
    """Only a program that no user started is a greeter: `sudo login` by bob is none."""
    rule = entered.folder / "etc/sudoers.d/bob"
    rule.write_text("bob ALL=(ALL) NOPASSWD: ALL\n")
    rule.chmod(0o440)
    words = ("sudo", "pamtester", "login", USER, "authenticate")
    entered.service("login", LINES)
    done = entered.run(*words, uid=OTHER_UID, text_in=f"{WRONG}\n")
    assert done.returncode
    assert REFUSED in done.stdout
    assert count_looks(entered) == 0


# ------------------------------------------------------------------- and what must still work


def test_her_own_sudo_opens(entered):
    terminal = Terminal(entered, "sudo", "id", "-u", uid=UID)
    terminal.read_until("Enter allows it")
    terminal.type("\n")
    assert terminal.end(), terminal.seen
    assert terminal.seen.split()[-1] == "0"


def test_her_own_su_opens(entered):
    """`su ada` by ada gives her nothing that she has not, but it asks as every su does."""
    terminal = Terminal(entered, "su", USER, "-c", "id -un", uid=UID)
    terminal.read_until("Enter allows it")
    terminal.type("\n")
    assert terminal.end(), terminal.seen
    assert terminal.seen.split()[-1] == USER


@pytest.mark.parametrize("service", ["login", "gdm-password"])
def test_a_login_opens(entered, service):
    entered.service(service, LINES)
    assert entered.login(service=service).opened


def test_her_locker_opens(entered):
    """Her screen's locker asks as herself, without root's rights."""
    entered.service("swaylock", SUDO + "auth required pam_unix.so\naccount required pam_unix.so\n")
    done = entered.run("pamtester", "swaylock", USER, "authenticate", uid=UID, text_in=f"{WRONG}\n")
    assert done.returncode == 0, done.stdout


def test_the_password_still_works_for_others(entered):
    done = entered.run("su", USER, "-c", "id -un", uid=OTHER_UID, text_in=f"{PASSWORD}\n")
    assert done.stdout.split()[-1] == USER, done.stdout
