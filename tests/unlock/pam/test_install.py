"""Install our lines into Debian's own PAM files, and take them out again."""

import os
import sys
from pathlib import Path

from tests.unlock.pam.debian import SERVICES
from tests.unlock.stack import PASSWORD, UID, USER


def test_our_lines_go_in_and_out_of_debians_services(debian):
    os.setxattr(debian.pam / "sudo", "user.kept", b"yes")
    (debian.pam / "su").chmod(0o640)
    before = debian.read_files()
    shown = debian.install(*SERVICES)
    assert shown.count("+auth\t[success=done default=ignore]\tpam_exec.so") == 3
    after = debian.read_files()
    assert {name for name in before if before[name] != after[name]} == set(SERVICES)
    for name in SERVICES:
        assert before[name][1:] == after[name][1:]  # mode, owner, attributes

    debian.answer("yes")
    for service in SERVICES:
        login = debian.stack.login(service=service, more=["setcred", "acct_mgmt"])
        assert login.opened, login
        assert not login.asked
        asked = [] if service == "su" else [f"auth {service} {USER} 0"]  # root needs no face
        assert debian.read_calls() == [*asked, f"account {service} {USER} 0"]

    again = debian.install(*SERVICES)
    assert "nothing was written" in again
    assert debian.read_files() == after

    done = debian.onlyme("uninstall", "--yes")
    assert done.returncode == 0, done.stdout
    assert debian.read_files() == before
    assert debian.onlyme("uninstall", "sudo").stdout.count("none of our lines") == 1


def test_an_upgrade_around_our_lines_survives_their_removal(debian):
    debian.install("sudo")
    file = debian.pam / "sudo"
    upgraded = "# Debian 14\n" + file.read_text().replace(
        "session    required   pam_limits.so", "session    required   pam_limits.so debug"
    )
    file.write_text(upgraded)
    assert debian.stack.login(service="sudo", password=PASSWORD).opened
    shown = debian.onlyme("uninstall", "sudo", "--yes").stdout
    assert "changed since the installation; only our lines are removed" in shown
    rows = [row for row in upgraded.split("\n") if "# onlyme unlock" not in row]
    assert file.read_text() == "\n".join(rows)
    assert not list((debian.stack.folder / "lib/onlyme-pam").iterdir())


def test_an_upgrade_that_replaced_the_file_is_installed_anew(debian):
    debian.install("sudo")
    file = debian.pam / "sudo"
    text = "# Debian 14\nauth required pam_unix.so nodelay\naccount required pam_unix.so\n"
    file.write_text(text)
    debian.install("sudo")
    debian.answer("yes")
    assert debian.stack.login(service="sudo").opened
    assert debian.onlyme("uninstall", "sudo", "--yes").returncode == 0
    assert file.read_text() == text


def test_the_last_resort_of_the_documentation_works(debian):
    page = Path(__file__).parents[3] / "docs/how-to/install-into-pam.md"
    command = next(row for row in page.read_text().split("\n") if row.startswith("sed -i"))
    before = {name: row[0] for name, row in debian.read_files().items()}
    debian.install(*SERVICES)
    assert {name: row[0] for name, row in debian.read_files().items()} != before
    assert debian.stack.run("sh", "-c", command).returncode == 0
    assert {name: row[0] for name, row in debian.read_files().items()} == before


def test_the_backup_is_roots_own(debian):
    before = (debian.pam / "sudo").read_bytes()
    debian.install("sudo")
    folder = debian.stack.folder / "lib/onlyme-pam"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name for file in folder.iterdir()} == {"sudo.before", "sudo.json"}
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in folder.iterdir())
    assert (folder / "sudo.before").read_bytes() == before


def test_only_root_may_install(debian):
    done = debian.onlyme("install", "sudo", uid=UID)
    assert done.returncode == 2
    assert "only root may do that; run `sudo onlyme unlock install`" in done.stdout


def test_a_helper_that_others_can_change_is_refused(debian):
    debian.helper.chmod(0o777)
    done = debian.try_install("sudo")
    assert done.returncode == 2
    assert "can be changed by other users than root" in done.stdout


def test_the_real_helper_is_found_and_started_isolated(debian):
    done = debian.onlyme("install", "sudo", "--dry-run", "--user", USER)
    assert done.returncode == 0, done.stdout
    helper = Path(sys.executable).with_name("onlyme-pam")
    assert f"python -I {helper} # onlyme unlock" in done.stdout.replace("python3", "python")
    assert "nothing was written" in done.stdout


def test_units_are_written_for_this_installation(debian):
    done = debian.onlyme("units")
    assert done.returncode == 0, done.stdout
    folder = debian.stack.folder / "etc/systemd/system"
    text = (folder / "onlyme.service").read_text()
    assert f"ExecStart={Path(sys.executable).with_name('onlyme')} daemon" in text
    assert (folder / "onlyme.socket").stat().st_mode & 0o777 == 0o644
    assert "systemctl enable --now onlyme.socket" in done.stdout
    assert debian.onlyme("units", uid=UID).returncode == 2
