"""A service beside that of the password looks for a face while the password is asked for."""

import signal
from unittest.mock import Mock

import pytest

from onlyme.errors import PamError
from onlyme.unlock.daemon.attempt_request import parse_request
from onlyme.unlock.daemon.peer import Application
from onlyme.unlock.daemon.service import _find_run
from onlyme.unlock.pam.placement import check_rules, place_lines
from onlyme.unlock.pam.rules import PamLines
from onlyme.unlock.services import BESIDE, needs_intent
from tests.unlock.stack import PASSWORD, UID, USER, WRONG

KDE_FINGERPRINT = """\
#%PAM-1.0
auth    requisite       pam_nologin.so
auth    required        pam_succeed_if.so user != root quiet_success
auth    required        pam_fprintd.so
auth    optional        pam_kwallet5.so
@include common-account
"""
"""Debian 13's, without its session rules."""

FACE_AND_NO_FINGER = """\
auth [success=done default=ignore] pam_exec.so quiet seteuid stdout {helper} {options}
auth required pam_deny.so
account required pam_permit.so
"""
ONLY_UNIX = "auth required pam_unix.so nodelay\naccount required pam_unix.so\n"
LONG_SECONDS = 30.0


def test_these_services_ask_at_a_seat():
    assert not any(needs_intent(service) for service in BESIDE)


def test_our_lines_go_in_and_out_of_kdes_service(debian):
    file = debian.pam / "kde-fingerprint"
    file.write_text(KDE_FINGERPRINT)
    shown = debian.install("kde-fingerprint")
    assert "it answers as before; the password of kde does not wait" in shown
    rows = file.read_text().splitlines()
    at = next(n for n, row in enumerate(rows) if "pam_fprintd" in row)
    assert "onlyme-pam # onlyme unlock" in rows[at - 1]
    assert debian.read_status()["kde-fingerprint"]["state"] == "installed"
    debian.read_calls()

    debian.answer("yes")
    login = debian.stack.login(service="kde-fingerprint")
    assert login.opened
    assert not login.asked
    assert debian.read_calls() == [f"auth kde-fingerprint {USER} 0"]
    for answer in ("no", "crash", "killed", "other code", "no program"):
        debian.answer(answer)
        login = debian.stack.login(service="kde-fingerprint", password=PASSWORD)
        assert not login.opened, answer
        assert not login.asked, answer

    done = debian.onlyme("uninstall", "--yes")
    assert done.returncode == 0, done.stdout
    assert file.read_text() == KDE_FINGERPRINT


def test_a_service_that_upgrades_overwrite_gets_a_copy(debian):
    vendor = debian.stack.folder / "vendor"
    vendor.mkdir()
    (vendor / "kde-fingerprint").write_text(KDE_FINGERPRINT)
    debian.stack.run("mkdir", "-p", "/usr/lib/pam.d")
    debian.stack.over["/usr/lib/pam.d"] = vendor
    before = debian.read_files()
    debian.install("kde-fingerprint")
    debian.answer("yes")
    assert debian.stack.login(service="kde-fingerprint").opened
    assert debian.onlyme("uninstall", "--yes").returncode == 0
    assert debian.read_files() == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auth required pam_unix.so\n", "none of its auth rules asks for a fingerprint"),
        ("auth required pam_fprintd.so\nauth required pam_unix.so\n", "a face would pass over"),
        ("auth optional pam_fprintd.so\nauth required pam_permit.so\n", "would open it, even"),
    ],
)
def test_a_service_of_another_form_stays_as_it_is(text, says):
    def read(_):
        return text

    def install():
        new = place_lines(read, "kde-fingerprint", PamLines(("/opt/onlyme/bin/onlyme-pam",)))
        check_rules(lambda _: new, "kde-fingerprint", read)

    with pytest.raises(PamError, match=says):
        install()


def run_beside(stack):
    """Start KDE's two services as its screen locker does: at once, as the user."""
    words = ("pamtester", "kde-fingerprint", USER, "authenticate")
    return stack.start(*words, uid=UID, stdin=-3, stdout=-1, text=True)


def ask_password(stack, password):
    words = ("pamtester", "kde", USER, "authenticate")
    return stack.run(*words, uid=UID, text_in=f"{password}\n").returncode == 0


@pytest.mark.data
def test_the_password_of_kde_does_not_wait_for_the_face(stack):
    stack.service("kde-fingerprint", FACE_AND_NO_FINGER, seconds=LONG_SECONDS)
    stack.service("kde", ONLY_UNIX)
    with stack.daemon() as daemon:
        daemon.send_signal(signal.SIGSTOP)  # so that the face is looked for all the time
        face = run_beside(stack)
        assert not ask_password(stack, WRONG)
        assert ask_password(stack, PASSWORD)
        assert face.poll() is None
        daemon.send_signal(signal.SIGCONT)
        said, _ = face.communicate(timeout=60)
        assert face.returncode == 0, said  # the face is still before the camera


def test_both_services_of_one_locker_have_their_tries_together():
    def find(service):
        peer, request = Mock(), parse_request({"user": USER, "service": service})
        peer.application.return_value = Application(7, 70)
        return _find_run(peer, request)

    assert find("kde-fingerprint") == find("kde") != find("swaylock")
