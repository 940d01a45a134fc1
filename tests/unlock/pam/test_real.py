"""Our lines in the real PAM: Debian's files, pam_exec, pamtester, sudo and pam-auth-update.

All of it in a private copy of /etc; a script stands for `onlyme-pam`, so that each answer
can be had, and each way to fail.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.unlock import stack as stacks
from tests.unlock.conftest import clip, show
from tests.unlock.stack import PASSWORD, USER, WRONG

SERVICES = ("sudo", "login", "su")

SCRIPTS = {
    "yes": "exit 0",
    "no": "echo 'onlyme: not you'; exit 1",
    "crash": "kill -SEGV $$",
    "killed": "kill -KILL $$",
    "other code": "exit 77",
    "not to be started": None,
    "a line too many": "yes | head -c 100000; exit 1",
}


class Room:
    """A private PAM with a stand-in for the helper, and our command line in it."""

    def __init__(self, stack):
        self.stack = stack
        self.pam = stack.folder / "etc/pam.d"
        self.helper = stack.folder / "etc/onlyme/onlyme-pam"
        self.answer("no")

    def answer(self, kind):
        """Let the helper answer from now on as one of `SCRIPTS` does; it notes each call."""
        log = "/run/onlyme/calls"
        script = SCRIPTS[kind]
        notes = f'echo "$PAM_TYPE $PAM_SERVICE $PAM_USER $(id -u)" >> {log}\n'
        self.helper.write_text("#!/bin/sh\n" + notes + (script or "exit 0") + "\n")
        self.helper.chmod(0o755 if script else 0o644)

    def calls(self):
        """What the helper was called for since the last look."""
        log = self.stack.folder / "run/onlyme/calls"
        said = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return said

    def onlyme(self, *words, **options):
        command = (sys.executable, "-m", "onlyme", "unlock", *words)
        return self.stack.run(*command, environment={"COLUMNS": "200"}, **options)

    def install(self, *services, more=()):
        done = self.onlyme(
            "install", *services, "--yes", "--user", USER, "--helper", "/etc/onlyme/onlyme-pam",
            *more,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    def files(self):
        """Every PAM file: its bytes, mode, owner and extended attributes."""
        found = {}
        for file in sorted(self.pam.iterdir()):
            status = file.stat()
            attributes = {name: os.getxattr(file, name) for name in os.listxattr(file)}
            kept = (file.read_bytes(), status.st_mode, status.st_uid, status.st_gid, attributes)
            found[file.name] = kept
        return found


@pytest.fixture
def room(empty):
    if not Path("/etc/debian_version").exists():
        pytest.skip("this is not Debian, whose files these tests are about")
    return Room(empty)


def test_installed_in_debians_services(room):
    os.setxattr(room.pam / "sudo", "user.kept", b"yes")
    (room.pam / "su").chmod(0o640)
    before = room.files()
    said = room.install(*SERVICES)
    assert said.count("+auth\t[success=done default=ignore]\tpam_exec.so") == 3
    after = room.files()
    assert {name for name in before if before[name] != after[name]} == set(SERVICES)
    for name in SERVICES:
        assert before[name][1:] == after[name][1:]  # mode, owner, attributes

    room.answer("yes")
    for service in SERVICES:
        login = room.stack.login(service=service, more=["setcred", "acct_mgmt"])
        assert login.opened, login
        assert not login.asked
        asked = [] if service == "su" else [f"auth {service} {USER} 0"]  # root needs no face
        assert room.calls() == [*asked, f"account {service} {USER} 0"]

    again = room.install(*SERVICES)
    assert "nothing was written" in again
    assert room.files() == after

    done = room.onlyme("uninstall", "--yes")
    assert done.returncode == 0, done.stdout
    assert room.files() == before
    assert room.onlyme("uninstall", "sudo").stdout.count("none of our lines is in it") == 1


def test_whatever_the_helper_does_the_password_decides(room):
    room.install("sudo")
    for kind in SCRIPTS.keys() - {"yes"}:
        room.answer(kind)
        if kind in ("no", "crash"):  # each wrong password costs two seconds
            assert not room.stack.login(service="sudo", password=WRONG).opened
        room.calls()
        right = room.stack.login(service="sudo", password=PASSWORD, more=["acct_mgmt"])
        assert right.opened, (kind, right)
        assert right.asked
        assert ("onlyme: not you" in right.words) == (kind == "no")
        told = [f"auth sudo {USER} 0", f"account sudo {USER} 0"]
        assert room.calls() == ([] if kind == "not to be started" else told)


def test_a_missing_helper_or_module_changes_nothing(room):
    room.install("sudo")
    room.helper.unlink()
    assert room.stack.login(service="sudo", password=PASSWORD, more=["acct_mgmt"]).opened
    file = room.pam / "sudo"
    file.write_text(file.read_text().replace("pam_exec.so", "pam_gone.so"))
    assert room.stack.login(service="sudo", password=PASSWORD, more=["acct_mgmt"]).opened
    assert not room.stack.login(service="sudo", password=WRONG).opened


def test_an_account_that_is_refused_stays_refused(room):
    """Our account line tells, and never has a say: here the account has expired."""
    shadow = room.stack.folder / "etc/shadow"
    old = shadow.read_text()
    row = next(row for row in old.split("\n") if row.startswith(f"{USER}:"))
    shadow.write_text(old.replace(row, row[: row.rindex(":::")] + "::1:"))
    before = room.stack.login(service="sudo", password=PASSWORD, more=["acct_mgmt"])
    room.install("sudo")
    for kind in ("yes", "no"):
        room.answer(kind)
        after = room.stack.login(service="sudo", password=PASSWORD, more=["acct_mgmt"])
        assert not before.opened
        assert not after.opened
        assert "expired" in after.words


def test_an_upgrade_around_our_lines_survives_their_removal(room):
    room.install("sudo")
    file = room.pam / "sudo"
    upgraded = "# Debian 14\n" + file.read_text().replace(
        "session    required   pam_limits.so", "session    required   pam_limits.so debug"
    )
    file.write_text(upgraded)
    assert room.stack.login(service="sudo", password=PASSWORD).opened
    said = room.onlyme("uninstall", "sudo", "--yes").stdout
    assert "changed since; only our lines are taken out" in said
    rows = [row for row in upgraded.split("\n") if "# onlyme unlock" not in row]
    assert file.read_text() == "\n".join(rows)
    assert not list((room.stack.folder / "lib/onlyme-pam").iterdir())


def test_an_upgrade_that_replaced_the_file_is_installed_anew(room):
    room.install("sudo")
    file = room.pam / "sudo"
    text = "# Debian 14\nauth required pam_unix.so nodelay\naccount required pam_unix.so\n"
    file.write_text(text)
    room.install("sudo")
    room.answer("yes")
    assert room.stack.login(service="sudo").opened
    assert room.onlyme("uninstall", "sudo", "--yes").returncode == 0
    assert file.read_text() == text


def test_the_last_resort_of_the_documentation_works(room):
    page = Path(__file__).parents[3] / "docs/how-to/install-into-pam.md"
    command = next(row for row in page.read_text().split("\n") if row.startswith("sed -i"))
    before = {name: kept[0] for name, kept in room.files().items()}
    room.install(*SERVICES)
    assert {name: kept[0] for name, kept in room.files().items()} != before
    assert room.stack.run("sh", "-c", command).returncode == 0
    assert {name: kept[0] for name, kept in room.files().items()} == before


def test_the_backup_is_roots_own(room):
    before = (room.pam / "sudo").read_bytes()
    room.install("sudo")
    folder = room.stack.folder / "lib/onlyme-pam"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name for file in folder.iterdir()} == {"sudo.before", "sudo.json"}
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in folder.iterdir())
    assert (folder / "sudo.before").read_bytes() == before


def test_the_password_itself_can_be_tried(room):
    words = ("install", "sudo", "--yes", "--user", USER, "--helper", room.helper, "--try-password")
    wrong = room.onlyme(*words, text_in=f"{WRONG}\n")
    assert wrong.returncode == 2
    assert f"this password of {USER} did not open it" in wrong.stdout
    assert "# onlyme unlock" not in (room.pam / "sudo").read_text()
    right = room.onlyme(*words, text_in=f"{PASSWORD}\n")
    assert right.returncode == 0, right.stdout


def test_a_trial_leaves_counts_of_wrong_passwords_alone(room):
    file = room.pam / "sudo"
    file.write_text(
        "auth required pam_faillock.so preauth\nauth [success=1 default=bad] pam_unix.so\n"
        "auth [default=die] pam_faillock.so authfail\nauth required pam_permit.so\n"
    )
    counts = room.stack.folder / "run/faillock"
    counts.mkdir()
    room.install("sudo")
    assert not list(counts.iterdir())
    assert not room.stack.login(service="sudo", password=WRONG).opened
    assert [count.name for count in counts.iterdir()] == [USER]  # as it does without a trial


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auth sufficient pam_permit.so\n@include common-auth\n", "rules never come to pam_unix"),
        ("auth sufficient pam_debug.so\n@include common-auth\n", "opens for ada without a pass"),
        ("auth required pam_shells.so\nauth requisite pam_deny.so\n", "none of its auth rules"),
        ("auth required pam_nologin.so\n@include common-auht\n", "common-auht is not there"),
        ("auth requisite pam_rootok.so\n@include common-auth\n", "asks ada for no password as"),
        ("auth required pam_unix.so\nauth required pam_debug.so\n", "pass over pam_debug"),
        ("auth required pam_gone.so\n@include common-auth\n", "face accepted did not open"),
    ],
)  # fmt: skip
def test_what_the_real_pam_does_not_do_is_refused(room, text, says):
    (room.pam / "sudo").write_text(text)
    done = room.onlyme(
        "install", "sudo", "--yes", "--user", USER, "--helper", "/etc/onlyme/onlyme-pam"
    )
    assert done.returncode == 2, done.stdout
    assert says in done.stdout
    assert (room.pam / "sudo").read_text() == text


def test_sudo_opens_by_face_and_else_by_password(room):
    stacks.usable()
    if not shutil.which("sudo"):
        pytest.skip("sudo is not installed")
    sudoers = room.stack.folder / "etc/sudoers"
    sudoers.write_text(f"Defaults !use_pty\n{USER} ALL=(ALL) ALL\n")
    sudoers.chmod(0o440)
    room.install("sudo")
    # A user's own process cannot be traced to a terminal here, so sudo reads from stdin.
    room.answer("yes")
    done = room.stack.run("sudo", "-S", "id", "-u", uid=stacks.UID, text_in="")
    assert done.stdout.strip().split("\n")[-1] == "0", done.stdout
    assert room.calls() == [f"auth sudo {USER} 0", f"account sudo {USER} 0"]
    room.answer("no")
    done = room.stack.run("sudo", "-k", "-S", "id", "-u", uid=stacks.UID, text_in=f"{PASSWORD}\n")
    assert done.stdout.strip().split("\n")[-1].endswith("0"), done.stdout
    assert "not you" in done.stdout
    done = room.stack.run("sudo", "-k", "-S", "id", "-u", uid=stacks.UID, text_in="\n\n\n")
    assert done.returncode == 1


def test_su_asks_as_root_for_the_user_who_is_wanted(room):
    """`su` is started by somebody else; the helper must be able to ask for its target."""
    room.install("su")
    room.answer("yes")
    done = room.stack.run("su", USER, "-c", "id -un", uid=stacks.OTHER_UID)
    assert done.stdout.strip() == USER, done.stdout
    assert room.calls() == [f"auth su {USER} 0", f"account su {USER} 0"]


def test_a_screen_locker_asks_as_its_user(room):
    """It runs as its user, and so does the helper; the password goes through unix_chkpwd."""
    room.install("login")
    (room.stack.folder / "run/onlyme").chmod(0o777)
    words = ("pamtester", "login", USER, "authenticate", "acct_mgmt")
    room.answer("yes")
    done = room.stack.run(*words, uid=stacks.UID)
    assert done.returncode == 0, done.stdout
    assert room.calls() == [f"{kind} login {USER} {stacks.UID}" for kind in ("auth", "account")]
    room.answer("no")
    done = room.stack.run(*words, uid=stacks.UID, text_in=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stdout
    assert "Password" in done.stdout


def test_pam_auth_update_takes_the_profile(room):
    if not shutil.which("pam-auth-update"):
        pytest.skip("this is not Debian")
    shutil.copytree("/var/lib/pam", room.stack.folder / "lib/pam")
    shutil.copytree("/usr/share/pam-configs", room.stack.folder / "configs")
    before = room.files()
    profile = room.onlyme("profile", "--helper", "/etc/onlyme/onlyme-pam").stdout
    (room.stack.folder / "configs/onlyme").write_text(profile)

    def update(*words):
        script = 'mount --bind "$0" /usr/share/pam-configs; exec pam-auth-update "$@"'
        command = ("sh", "-c", script, room.stack.folder / "configs", *words)
        done = room.stack.run(*command, environment={"DEBIAN_FRONTEND": "noninteractive"})
        assert done.returncode == 0, done.stdout

    update("--enable", "onlyme")
    text = (room.pam / "common-auth").read_text()
    assert "auth\t[success=2 default=ignore]\tpam_exec.so quiet stdout seteuid" in text
    for service in ("sudo", "login"):
        room.answer("yes")
        assert room.stack.login(service=service, more=["setcred", "acct_mgmt"]).opened
        room.answer("no")
        login = room.stack.login(service=service, password=PASSWORD, more=["acct_mgmt"])
        assert login.opened
        assert login.asked
        assert f"account {service} {USER} 0" in room.calls()
    assert not room.stack.login(service="sudo", password=WRONG).opened
    done = room.onlyme(
        "install", "sudo", "--yes", "--user", USER, "--helper", "/etc/onlyme/onlyme-pam"
    )
    assert done.returncode == 2
    assert "a face would be looked for twice" in done.stdout
    update("--remove", "onlyme")
    assert room.files() == before


def test_others_than_root_are_sent_away(room):
    done = room.onlyme("install", "sudo", uid=stacks.UID)
    assert done.returncode == 2
    assert "only root may do that; run `sudo onlyme unlock install`" in done.stdout


def test_a_helper_that_others_can_change_is_refused(room):
    room.helper.chmod(0o777)
    done = room.onlyme("install", "sudo", "--yes", "--helper", "/etc/onlyme/onlyme-pam")
    assert done.returncode == 2
    assert "can be changed by others than root" in done.stdout


def test_the_real_helper_is_found_and_started_apart_from_any_environment(room):
    done = room.onlyme("install", "sudo", "--dry-run", "--user", USER)
    assert done.returncode == 0, done.stdout
    helper = Path(sys.executable).with_name("onlyme-pam")
    assert f"python -I {helper} # onlyme unlock" in done.stdout.replace("python3", "python")
    assert "nothing was written" in done.stdout


def status(room, *words):
    done = room.onlyme("status", *words, "--json")
    assert done.returncode == 0, done.stdout
    return {row["service"]: row for row in json.loads(done.stdout)["services"]}


def test_status_says_what_stands_in_the_files(room):
    assert status(room) == {}
    room.install("sudo", "su")
    rows = status(room, "--user", USER)
    assert [row["state"] for row in rows.values()] == ["installed"] * 3  # su-l includes su
    assert rows["su-l"]["detail"] == "by the file su"
    file = room.pam / "sudo"
    good = file.read_text()
    for old, new, why in (
        ("[success=done", "[success=ok", "not as `onlyme unlock install` puts them"),
        ("default=ignore]\tpam_exec.so quiet stdout", "default=die] pam_exec.so quiet stdout",
         "our line would not be without effect"),
        ("/etc/onlyme/onlyme-pam", "/opt/gone", "/opt/gone, which is not there"),
        ("@include common-auth", "auth required pam_unix.so\nauth required pam_u2f.so",
         "pass over pam_u2f"),
    ):  # fmt: skip
        assert old in good
        file.write_text(good.replace(old, new))
        row = status(room, "sudo")["sudo"]
        assert row["state"] == "altered", row
        assert why in row["detail"], row
    file.write_text("auth required pam_unix.so\n")
    row = status(room, "--user", USER)["sudo"]
    assert row["state"] == "absent"
    assert "replaced since" in row["detail"]
    assert row["next_login"] == "asks for the password, and never looks"


def test_status_says_that_no_daemon_answers_and_that_a_session_is_remote(room):
    room.install("sudo")
    row = status(room, "sudo", "--user", USER)["sudo"]
    assert row["daemon"] is None
    assert row["next_login"] == (
        "asks for the password: the daemon does not help: it is not running"
    )
    done = room.stack.run(
        *(sys.executable, "-m", "onlyme", "unlock", "status", "sudo", "--json"),
        environment={"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"},
    )
    document = json.loads(done.stdout)
    assert document["remote"] is True
    assert "remote" in document["services"][0]["next_login"]
    text = room.onlyme("status").stdout
    assert text.startswith("✓ sudo")


def test_units_are_written_for_this_installation(room):
    done = room.onlyme("units")
    assert done.returncode == 0, done.stdout
    folder = room.stack.folder / "etc/systemd/system"
    text = (folder / "onlyme.service").read_text()
    assert f"ExecStart={Path(sys.executable).with_name('onlyme')} daemon" in text
    assert (folder / "onlyme.socket").stat().st_mode & 0o777 == 0o644
    assert "systemctl enable --now onlyme.socket" in done.stdout
    assert room.onlyme("units", uid=stacks.UID).returncode == 2


@pytest.mark.data
def test_installed_with_the_real_helper_and_the_real_daemon(stack, data):
    """From the command line to the open door: the owner in front of a camera, then a stranger."""
    room = Room(stack)
    done = room.onlyme("install", "login", "--yes", "--user", USER)
    assert done.returncode == 0, done.stdout
    with stack.daemon():
        row = status(room, "login", "--user", USER)["login"]
        assert row["daemon"]["ready"], row
        assert row["next_login"].startswith("looks through camera"), row
        assert status(room, "login", "--user", "nobody")["login"]["next_login"].startswith(
            "asks for the password: nobody is enrolled for this user"
        )
        opened = stack.login(service="login", more=["setcred", "acct_mgmt"])
        assert opened.opened, (opened, stack.log())
        assert not opened.asked
        show(stack, clip(data, stacks.OTHER))
        typed = stack.login(service="login", password=PASSWORD, more=["acct_mgmt"])
        assert typed.opened
        assert typed.asked
        assert "does not match" in typed.words
    assert stack.login(service="login", password=PASSWORD).opened
