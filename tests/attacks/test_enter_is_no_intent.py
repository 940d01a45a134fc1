"""Attack: a background program of the user types Enter on a terminal of its own.

The user ada is before the camera all the time, and knows nothing of it.
"""

import sys

import pytest

from tests.unlock.conftest import SUDO, allow_sudo, camera
from tests.unlock.stack import LINES, PASSWORD, UID, USER, WRONG, Terminal, make_group

pytestmark = pytest.mark.data

NOWHERE = "there is neither a terminal nor a notification to show a gesture on"


def test_a_newline_on_a_terminal_of_its_own_opens_no_sudo(stack):
    allow_sudo(stack)
    stack.configure(camera=camera(stack))
    with stack.daemon():
        terminal = Terminal(stack, "sudo", "id", "-u", uid=UID)
        terminal.read_until("any key: password")
        terminal.type("\n")
        terminal.read_until("assword for")
        terminal.type("\n")
        terminal.read_until("try again")
        terminal.close()
        assert "Enter allows it" not in terminal.seen


@pytest.mark.parametrize("service", ["su", "doas", "polkit-1", "chsh", "anything"])
def test_no_service_that_gives_rights_opens_without_intent(stack, service):
    """Started by ada as root's program; before, only `sudo` asked for anything."""
    stack.service(service, LINES)
    rule = stack.folder / "etc/sudoers.d/ada"
    rule.write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
    rule.chmod(0o440)
    # pamtester becomes root as a setuid program would, and names the user who started it.
    words = ("pamtester", "-I", f"ruser={USER}", service, USER, "authenticate")
    for settings, why in (({}, NOWHERE), ({"unlock_intent": "enter"}, "no terminal to confirm on")):
        stack.configure(camera=camera(stack), unlock_confirm="", **settings)
        with stack.daemon():
            done = run_setuid(stack, *words)
            assert done.returncode, done.stdout
            assert why in done.stdout


def run_setuid(stack, *words):
    """Run a program as a setuid one: root's rights, and ada's process above it."""
    program = stack.folder / "etc/onlyme-setuid"
    program.mkdir(exist_ok=True)
    code = (
        "import os, sys; os.setresuid(0, 0, 0); os.execvp(sys.argv[1], sys.argv[1:])"  # cap_setuid
    )
    keep = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups")
    caps = ("--inh-caps=+setuid", "--ambient-caps=+setuid")
    shell = ("sh", "-c", '"$@"; exit $?', "sh", "python3", "-c", code)
    group = make_group(f"user.slice/user-{UID}.slice/user@{UID}.service")
    join = ("sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh")
    return stack.run(*join, *keep, *caps, *shell, *words, text_in=f"{WRONG}\n")


# ------------------------------------------------------------------- and what must still work


def test_where_root_accepts_enter_her_sudo_opens(stack):
    allow_sudo(stack)
    stack.configure(camera=camera(stack), unlock_intent="enter", unlock_confirm_seconds=60)
    with stack.daemon():
        terminal = Terminal(stack, "sudo", "id", "-u", uid=UID)
        terminal.read_until("Enter allows it")
        terminal.type("\n")
        assert terminal.end(), terminal.seen
        assert terminal.seen.split()[-1] == "0"


def test_logins_and_lockers_need_no_gesture(stack):
    stack.configure(camera=camera(stack))
    stack.service("swaylock", SUDO + "auth required pam_unix.so\naccount required pam_unix.so\n")
    stack.service("login", LINES)
    with stack.daemon():
        assert stack.login(service="login").opened
        words = ("pamtester", "swaylock", USER, "authenticate")
        assert stack.run(*words, uid=UID, text_in=f"{WRONG}\n").returncode == 0


def test_the_password_opens_sudo(stack):
    allow_sudo(stack)
    stack.configure(camera=camera(stack))
    with stack.daemon():
        done = stack.run("sudo", "-S", "id", "-u", uid=UID, text_in=f"{PASSWORD}\n")
        assert done.stdout.split()[-1].endswith("0"), done.stdout


def test_install_refuses_services_that_a_face_would_not_open(stack):
    words = (sys.executable, "-m", "onlyme", "unlock", "install")
    more = ("--dry-run", "--user", USER)
    for settings, service, why in (
        ({}, "polkit-1", "no gesture can be asked for"),
        ({}, "cron", "a daemon asks there"),
        ({"unlock_intent": "enter"}, "sshd", "a daemon asks there"),
        ({"unlock_intent": "enter"}, "polkit-1", "it has no terminal"),
    ):
        stack.configure(**settings)
        done = stack.run(*words, service, *more)
        assert done.returncode == 2, done.stdout
        assert " ".join(why.split()) in " ".join(done.stdout.split())
    assert stack.run(*words, "login", *more).returncode == 0
    for settings, cost in (
        ({"unlock_intent": "enter"}, "every program that runs as the user can type Enter"),
        ({}, "make the gesture only for a command that you have just typed"),
    ):
        stack.configure(**settings)
        done = stack.run(*words, "sudo", *more)
        assert done.returncode == 0, done.stdout
        assert cost in " ".join(done.stdout.split())
