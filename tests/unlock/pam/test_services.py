"""Log in by face and by password through sudo, su, a screen locker and pam-auth-update."""

import shutil

import pytest

from tests.unlock.pam.debian import HELPER, SCRIPTS
from tests.unlock.stack import OTHER_UID, PASSWORD, UID, USER, WRONG


def test_the_password_decides_after_every_failure_of_the_helper(debian):
    debian.install("sudo")
    for kind in SCRIPTS.keys() - {"yes"}:
        debian.answer(kind)
        if kind in ("no", "crash"):  # each wrong password takes two seconds
            assert not debian.stack.login(service="sudo", password=WRONG).opened
        debian.read_calls()
        right = debian.stack.login(service="sudo", password=PASSWORD, more=["acct_mgmt"])
        assert right.opened, (kind, right)
        assert right.asked
        assert ("onlyme: not you" in right.words) == (kind == "no")
        calls = [f"auth sudo {USER} 0", f"account sudo {USER} 0"]
        assert debian.read_calls() == ([] if kind == "no program" else calls)


def test_a_missing_helper_or_module_changes_nothing(debian):
    debian.install("sudo")
    debian.helper.unlink()
    assert debian.stack.login(service="sudo", password=PASSWORD, more=["acct_mgmt"]).opened
    file = debian.pam / "sudo"
    file.write_text(file.read_text().replace("pam_exec.so", "pam_gone.so"))
    assert debian.stack.login(service="sudo", password=PASSWORD, more=["acct_mgmt"]).opened
    assert not debian.stack.login(service="sudo", password=WRONG).opened


def test_an_account_that_is_refused_stays_refused(debian):
    """Our account line reports, and never decides: here the account has expired."""
    shadow = debian.stack.folder / "etc/shadow"
    old = shadow.read_text()
    row = next(row for row in old.split("\n") if row.startswith(f"{USER}:"))
    shadow.write_text(old.replace(row, row[: row.rindex(":::")] + "::1:"))
    before = debian.stack.login(service="sudo", password=PASSWORD, more=["acct_mgmt"])
    debian.install("sudo")
    for kind in ("yes", "no"):
        debian.answer(kind)
        after = debian.stack.login(service="sudo", password=PASSWORD, more=["acct_mgmt"])
        assert not before.opened
        assert not after.opened
        assert "expired" in after.words


def test_sudo_opens_by_face_and_else_by_password(debian):
    if not shutil.which("sudo"):
        pytest.skip("sudo is not installed")
    sudoers = debian.stack.folder / "etc/sudoers"
    sudoers.write_text(f"Defaults !use_pty\n{USER} ALL=(ALL) ALL\n")
    sudoers.chmod(0o440)
    debian.install("sudo")
    # A user's own process cannot be traced to a terminal here, so sudo reads from stdin.
    debian.answer("yes")
    done = debian.stack.run("sudo", "-S", "id", "-u", uid=UID, text_in="")
    assert done.stdout.strip().split("\n")[-1] == "0", done.stdout
    assert debian.read_calls() == [f"auth sudo {USER} 0", f"account sudo {USER} 0"]
    debian.answer("no")
    done = debian.stack.run("sudo", "-k", "-S", "id", "-u", uid=UID, text_in=f"{PASSWORD}\n")
    assert done.stdout.strip().split("\n")[-1].endswith("0"), done.stdout
    assert "not you" in done.stdout
    done = debian.stack.run("sudo", "-k", "-S", "id", "-u", uid=UID, text_in="\n\n\n")
    assert done.returncode == 1


def test_su_asks_as_root_for_the_other_user(debian):
    """Another user starts `su`; the helper must be allowed to ask for the user it switches to."""
    debian.install("su")
    debian.answer("yes")
    done = debian.stack.run("su", USER, "-c", "id -un", uid=OTHER_UID)
    assert done.stdout.strip() == USER, done.stdout
    assert debian.read_calls() == [f"auth su {USER} 0", f"account su {USER} 0"]


def test_a_screen_locker_asks_as_its_user(debian):
    """It runs as its user, and so does the helper; the password goes through unix_chkpwd."""
    debian.install("login")
    (debian.stack.folder / "run/onlyme").chmod(0o777)
    words = ("pamtester", "login", USER, "authenticate", "acct_mgmt")
    debian.answer("yes")
    done = debian.stack.run(*words, uid=UID)
    assert done.returncode == 0, done.stdout
    assert debian.read_calls() == [f"{kind} login {USER} {UID}" for kind in ("auth", "account")]
    debian.answer("no")
    done = debian.stack.run(*words, uid=UID, text_in=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stdout
    assert "Password" in done.stdout


def test_pam_auth_update_takes_the_profile(debian):
    if not shutil.which("pam-auth-update"):
        pytest.skip("this is not Debian")
    shutil.copytree("/var/lib/pam", debian.stack.folder / "lib/pam")
    shutil.copytree("/usr/share/pam-configs", debian.stack.folder / "configs")
    before = debian.read_files()
    said = debian.onlyme("profile", "--helper", HELPER).stdout.splitlines(keepends=True)
    notes = [line for line in said if line.startswith("note: ")]  # on stderr
    assert "make the gesture only for a command that you have just typed" in notes[0]
    assert "neither on a terminal nor as a notification asks for the password" in notes[1]
    profile = "".join(line for line in said if line not in notes)
    (debian.stack.folder / "configs/onlyme").write_text(profile)

    def update(*words):
        script = 'mount --bind "$0" /usr/share/pam-configs; exec pam-auth-update "$@"'
        command = ("sh", "-c", script, debian.stack.folder / "configs", *words)
        done = debian.stack.run(*command, environment={"DEBIAN_FRONTEND": "noninteractive"})
        assert done.returncode == 0, done.stdout

    update("--enable", "onlyme")
    text = (debian.pam / "common-auth").read_text()
    assert "auth\t[success=2 default=ignore]\tpam_exec.so quiet stdout seteuid" in text
    for service in ("sudo", "login"):
        debian.answer("yes")
        assert debian.stack.login(service=service, more=["setcred", "acct_mgmt"]).opened
        debian.answer("no")
        login = debian.stack.login(service=service, password=PASSWORD, more=["acct_mgmt"])
        assert login.opened
        assert login.asked
        assert f"account {service} {USER} 0" in debian.read_calls()
    assert not debian.stack.login(service="sudo", password=WRONG).opened
    done = debian.try_install("sudo")
    assert done.returncode == 2
    assert "a face would be looked for twice" in done.stdout
    update("--remove", "onlyme")
    assert debian.read_files() == before
