"""A real logind says who sits at the screen: a face opens there, and nowhere else."""

import pytest

from tests.machine.desk import LOCKER, OTHER, OTHER_PASSWORD, USER
from tests.unlock.conftest import clip
from tests.unlock.stack import wait_until

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("machine")]

OPENED = "successfully authenticated"
UNPROVEN = "nothing proves that you sit at this computer"
REMOTE = "your face cannot open a remote session"
BESIDE = "you have a remote session"
NOT_HERS = "a face opens only for the user who asks"


def unlock(console, command=LOCKER):
    """Run a command in ada's session, without an answer to a prompt; return what it says."""
    return console.run(f"{command} < /dev/null 2>&1").stdout


def as_service(desk, *options):
    """Run the locker's question as a service of the system."""
    start = ("systemd-run", "--quiet", "--pipe", "--wait", "--collect", *options)
    return desk.machine.run(*start, LOCKER).stdout


# ------------------------------------------------------------------- what must still work


def test_her_face_logs_her_in_at_the_console(screen, desk):
    desk.configure()
    desk.console.log_in(USER, None)
    shown = desk.console.run("id -un").stdout
    desk.end_sessions()
    assert shown.endswith(USER)


def test_logind_says_that_her_session_is_at_the_seat(console):
    shown = console.run("loginctl --no-pager show-session $XDG_SESSION_ID").stdout.split()
    assert {f"Name={USER}", "Active=yes", "Remote=no", "Seat=seat0", "Class=user"} <= {*shown}


def test_her_locker_opens(console):
    console.clear()
    console.type("vlock\n")
    console.read_until("[ENTER] to unlock")
    console.type("\n")
    console.read_until("$")  # what is typed before that is dropped: it could be a password
    assert console.run("echo it is $((40 + 2))").stdout.endswith("it is 42")


def test_her_sudo_opens_once_she_has_pressed_enter(console, desk):
    desk.configure(unlock_intent="enter", unlock_confirm_seconds=60)
    console.clear()
    console.type("sudo id\n")
    console.read_until("Enter allows it")
    console.type("\n")
    assert "uid=0(root)" in console.read_until("uid=0(root)")


def test_her_sudo_does_not_open_by_default(console, desk, films, data):
    """The video has no gesture: her whole clip has three, any of which may be the one asked for."""
    assert "a password is required" in unlock(console, "sudo -n true")
    desk.show(films[None])
    console.clear()
    console.type("sudo id\n")
    console.read_until("password for")
    said = console.read()
    console.type("\x03")
    desk.show(clip(data, USER))
    assert "gesture" in said


def test_what_her_desktop_starts_opens(console):
    """Desktops start programs by the user's manager, outside of the session's own scope."""
    assert OPENED in unlock(console, f"systemd-run --user --quiet --pipe --wait {LOCKER}")


def test_root_may_allow_a_seat_beside_a_remote_session(console, desk):
    desk.configure(unlock_beside_remote="allow")
    with desk.remote_session():
        assert OPENED in unlock(console)
        assert REMOTE in desk.run_from_afar(LOCKER)


# ------------------------------------------------------------------------------- attacks


def test_a_remote_session_is_refused(console, desk):
    assert REMOTE in desk.run_from_afar(LOCKER)


@pytest.mark.parametrize(
    "start",
    [
        "systemd-run --user --quiet --pipe --wait",
        "systemd-run --user --quiet --pty --wait",
        "env -i setsid --wait",
        "script --quiet --return /dev/null --command",
    ],
)
def test_a_remote_session_that_hides_what_it_is_is_refused(console, desk, start):
    """None of these leaves a sign of SSH behind."""
    said = desk.run_from_afar(f"{start} {LOCKER}")
    assert OPENED not in said
    assert BESIDE in said or REMOTE in said


def test_her_own_seat_is_refused_while_she_has_a_remote_session(console, desk):
    with desk.remote_session():
        assert BESIDE in unlock(console)
        assert BESIDE in unlock(console, f"systemd-run --user --quiet --pipe --wait {LOCKER}")
    wait_until(lambda: OPENED in unlock(console))  # once logind has noticed that it ended


@pytest.mark.parametrize("options", [(), ("-pPAMName=cron",)], ids=["service", "cron"])
def test_a_service_that_runs_as_her_is_refused(console, desk, options):
    assert UNPROVEN in as_service(desk, f"--uid={USER}", *options)


def test_a_manager_without_a_session_is_refused(desk):
    desk.configure()
    desk.machine.check("loginctl", "enable-linger", USER)
    try:
        assert UNPROVEN in as_service(desk, "--user", f"--machine={USER}@")
    finally:
        desk.machine.check("loginctl", "disable-linger", USER)
        desk.end_sessions()


def test_a_session_in_the_background_is_refused(console, screen):
    console.show(63)
    try:
        assert UNPROVEN in unlock(console)
    finally:
        console.show()
    assert OPENED in unlock(console)


@pytest.mark.parametrize("command", [f"su {USER} -c id", LOCKER, f"su - {USER} -c id"])
def test_another_user_at_the_screen_is_refused(desk, command):
    """The other user sits at the screen, and ada is before the camera."""
    desk.configure(unlock_intent="enter")
    desk.console.log_in(OTHER, OTHER_PASSWORD)
    try:
        said = unlock(desk.console, command)
        assert NOT_HERS in said
        assert OPENED not in said
        assert f"({USER})" not in said
    finally:
        desk.end_sessions()


def test_another_users_service_is_refused_while_she_sits_there(console, desk):
    assert NOT_HERS in as_service(desk, f"--uid={OTHER}")
