"""Check that PAM's account phase proves no password, and that one run has one try."""

import itertools

import pytest

from onlyme.faceid import wiring
from onlyme.gate.admission import AttemptSource
from onlyme.settings import Settings
from onlyme.unlock.daemon.peer import Application
from onlyme.unlock.daemon.recognizer import SOURCE
from onlyme.unlock.daemon.refusals import MAX_REFUSALS, REMEMBER_SECONDS, ProgramRun, Refusals
from tests.unlock.conftest import allow_sudo, camera, clip, show
from tests.unlock.stack import OTHER, PASSWORD, UID, USER, WRONG, Terminal

ACCOUNT = ("acct_mgmt",)


def settings(stack):
    return Settings.load(
        vault=stack.folder / "lib/onlyme", key_file=stack.folder / "etc/onlyme/vault.key"
    )


def tries(stack, user=USER):
    with wiring.open_vault(settings(stack)) as keeping:
        standing = keeping.gate.allowances().get(AttemptSource(user, SOURCE))
        return 5 if standing is None else standing.tries


@pytest.mark.data
def test_the_password_opens_while_the_face_is_locked_out(stack, data):
    """The account phase does not know that the password was given, so the face stays off."""
    show(stack, clip(data, OTHER))
    with stack.daemon():
        for _ in range(5):
            assert not stack.login().opened
        assert tries(stack) == 0
        assert stack.login(password=PASSWORD, more=ACCOUNT).opened
        assert tries(stack) == 0
        assert "onlyme unlock retry" in stack.login().words


@pytest.mark.data
def test_an_account_without_an_attempt_resets_nothing(stack, data):
    """`sudo` reaches `account` alone while its last password counts; cron always does."""
    show(stack, clip(data, OTHER))
    with stack.daemon():
        for _ in range(2):
            assert not stack.login().opened
        done = stack.run("pamtester", "greetd", USER, "acct_mgmt")
        assert done.returncode == 0
        assert tries(stack) == 3


@pytest.mark.data
def test_one_run_is_looked_at_once(stack, data):
    """`sudo` asks PAM up to three times in one run; the camera is used in the first only."""
    show(stack, clip(data, OTHER))
    allow_sudo(stack)
    stack.configure(camera=camera(stack), unlock_intent="enter", unlock_confirm_seconds=60)
    with stack.daemon():
        terminal = Terminal(stack, "sudo", "id", "-u", uid=UID)
        terminal.read_until("Enter allows it")
        terminal.type("\n")
        terminal.read_until("does not match")
        terminal.read_until("[sudo] password")
        terminal.type(f"{WRONG}\n")
        terminal.read_until("only one try")
        assert tries(stack) == 4
        terminal.type(f"{PASSWORD}\n")
        assert terminal.end(), terminal.seen
        assert terminal.seen.split()[-1] == "0"
        assert tries(stack) == 4


# ------------------------------------------------------------------------ what is remembered

ADA = ProgramRun("ada", "sudo", Application(7, 100))


def test_a_refusal_is_remembered_for_a_minute_and_once():
    now = itertools.count(0.0, REMEMBER_SECONDS / 4)
    refusals = Refusals(now=lambda: next(now))
    refusals.add(ADA, looked=True)  # 0
    assert refusals.must_refuse(ADA, confirmed=False)  # a quarter
    assert refusals.take(ADA._replace(service="login")) is None
    assert refusals.take(ADA._replace(application=Application(7, 101))) is None
    assert refusals.take(ADA) is not None
    assert refusals.take(ADA) is None
    refusals.add(ADA)
    assert not refusals.must_refuse(ADA, confirmed=False)
    for _ in range(4):
        refusals.must_refuse(ADA, confirmed=False)
    assert refusals.take(ADA) is None


def test_a_run_is_asked_to_confirm_once():
    refusals = Refusals()
    refusals.add(ADA, asked=True)
    assert not refusals.must_refuse(ADA, confirmed=True)
    assert refusals.must_refuse(ADA, confirmed=False)
    refusals.add(ADA, looked=True)
    assert refusals.must_refuse(ADA, confirmed=True)


def test_no_more_is_remembered_than_fits():
    refusals = Refusals()
    for number in range(MAX_REFUSALS + 10):
        refusals.add(ProgramRun("ada", "sudo", Application(number, 1)), looked=True)
    assert refusals.take(ProgramRun("ada", "sudo", Application(9, 1))) is None
    assert refusals.take(ProgramRun("ada", "sudo", Application(10, 1))) is not None
