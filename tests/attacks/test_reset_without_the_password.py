"""Attack: reset the gate, or teach a face, through PAM's account phase without the password."""

import sys

import pytest

from onlyme.faceid import wiring
from onlyme.gate.admission import AttemptSource
from onlyme.settings import Settings
from onlyme.unlock.daemon.changes import PASSWORD_SOURCE
from onlyme.unlock.daemon.recognizer import SOURCE
from tests.unlock.conftest import allow_sudo, camera, clip, show
from tests.unlock.daemon.test_asking import put_question
from tests.unlock.stack import OTHER, PASSWORD, UID, USER, WRONG

pytestmark = pytest.mark.data


def open_vault(stack):
    return wiring.open_vault(
        Settings.load(
            vault=stack.folder / "lib/onlyme", key_file=stack.folder / "etc/onlyme/vault.key"
        )
    )


def count_tries(stack, source):
    with open_vault(stack) as vault:
        standing = vault.gate.allowances().get(AttemptSource(USER, source))
        return 5 if standing is None else standing.tries


@pytest.fixture
def refused(stack, data):
    """A stranger at the camera, a rule of sudo that asks for no password, wrong tries."""
    show(stack, clip(data, OTHER))
    allow_sudo(stack)
    rule = stack.folder / "etc/sudoers.d/ada"
    rule.write_text(f"{USER} ALL=(ALL) NOPASSWD: /bin/true\n")
    stack.configure(camera=camera(stack))
    with stack.daemon():
        for _ in range(3):
            assert not stack.login().opened
            assert put_question(stack, "tune", UID, user=USER, alpha=-1.0, password=WRONG)[0] == 422
        assert count_tries(stack, SOURCE) == count_tries(stack, PASSWORD_SOURCE) == 2
        yield stack


def test_a_refusal_then_exec_into_a_sudo_that_asks_for_nothing(refused):
    """One process registers a refusal through a child, and becomes sudo itself."""
    code = (
        "import json, os, subprocess, sys\n"
        "ask = 'import sys; from onlyme.unlock.transport import *;'\n"
        f'ask += \'ask(SOCKET, "/v1/attempt", dict(user="{USER}", service="sudo"), 20)\'\n'
        "subprocess.run([sys.executable, '-c', ask], check=True)\n"
        "os.execvp('sudo', ['sudo', '-n', '/bin/true'])\n"
    )
    done = refused.run(sys.executable, "-c", code, uid=UID)
    assert done.returncode == 0, done.stdout
    assert count_tries(refused, SOURCE) <= 2
    assert count_tries(refused, PASSWORD_SOURCE) == 2


def test_an_account_phase_after_a_refusal_of_roots_own_program(refused):
    """The password may have been asked for by another module, or by none."""
    lines = "auth [success=done default=ignore] pam_exec.so quiet seteuid stdout {helper} {options}"
    lines += "\nauth required pam_permit.so\naccount required pam_permit.so\n"
    lines += "account optional pam_exec.so quiet seteuid stdout {helper}\n"
    refused.service("greetd", lines)
    assert refused.login(more=("acct_mgmt",)).opened
    assert count_tries(refused, SOURCE) == 1
    assert count_tries(refused, PASSWORD_SOURCE) == 2


def test_an_older_helpers_report_changes_nothing(refused):
    status, answer = put_question(refused, "password-used", user=USER, service="greetd")
    assert (status, answer) == (200, {"reset": False})
    assert count_tries(refused, SOURCE) == 2


# ------------------------------------------------------------------- and what must still work


def test_the_password_itself_lets_the_face_try_again(refused, data):
    for _ in range(2):
        refused.login()
    assert "too many attempts failed" in refused.login().words
    words = (sys.executable, "-m", "onlyme", "unlock", "retry")
    wrong = refused.run(*words, uid=UID, text_in=f"{WRONG}\n")
    assert wrong.returncode == 2
    assert count_tries(refused, SOURCE) == 0
    done = refused.run(*words, uid=UID, text_in=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stdout
    assert f"the face of {USER} may try again" in done.stdout
    show(refused, clip(data, USER))
    assert refused.login().opened
