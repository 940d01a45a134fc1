"""Check which PAM files may be changed, and that a file changes completely or not at all."""

import os
import sys
from pathlib import Path

import pytest

from onlyme.errors import PamError
from onlyme.unlock.pam import backup, folders
from onlyme.unlock.pam.folders import replace_file
from onlyme.unlock.pam.install import apply, plan, plan_removal
from onlyme.unlock.pam.program import find_command
from onlyme.unlock.pam.rules import PamLines, find_lines

LINES = PamLines(("/opt/onlyme/bin/onlyme-pam",))
SUDO = "auth required pam_unix.so\naccount required pam_unix.so\n"


@pytest.fixture
def here(pam_folders):
    """Folders of PAM's files, with one service."""
    (pam_folders.pam / "sudo").write_text(SUDO)
    return pam_folders


def test_a_file_that_is_not_the_administrators_is_refused(here):
    (here.vendor / "login").write_text(SUDO)
    (here.vendor / "login").chmod(0o664)
    (here.pam / "linked").symlink_to("sudo")
    (here.pam / "twice").write_text(SUDO)
    os.link(here.pam / "twice", here.pam / "again")
    (here.pam / "loose").write_text(SUDO)
    (here.pam / "loose").chmod(0o664)
    (here.pam / "others").write_text(SUDO)
    os.chown(here.pam / "others", 1, 1)
    (here.pam / "folder").mkdir()
    for name, says in (
        ("login", "usr/login can be written by other users than root"),
        ("linked", "is a link to sudo, which another program manages"),
        ("twice", "a second name"),
        ("loose", "can be written by other users than root"),
        ("others", "can be written by other users than root"),
        ("folder", "is not a regular file"),
        ("gone", "there is no service gone"),
        ("../etc/sudo", "is not the name of a service"),
        (".hidden", "is not the name of a service"),
        ("", "is not the name of a service"),
    ):
        with pytest.raises(PamError, match=says):
            here.find_own(name)


def test_a_file_keeps_its_owner_mode_and_attributes(here):
    file = here.pam / "sudo"
    file.chmod(0o640)
    os.chown(file, 0, 4)
    os.setxattr(file, "user.label", b"kept")
    change = plan(here, "sudo", LINES)
    apply(here, change)
    status = file.stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o640, 0, 4)
    assert os.getxattr(file, "user.label") == b"kept"
    assert file.read_text() == change.new
    assert [entry.name for entry in here.pam.iterdir()] == ["sudo"]


@pytest.mark.parametrize("broken", ["fsync", "fchmod", "setxattr"])
def test_a_disk_that_fails_leaves_the_file_as_it_was(here, monkeypatch, broken):
    os.setxattr(here.pam / "sudo", "user.label", b"kept")
    change = plan(here, "sudo", LINES)
    backup.write_backup(
        here.state, backup.Backup.describe_file(change.path, SUDO, change.new), SUDO
    )

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders.os, broken, fails)
    with pytest.raises(OSError, match="No space"):
        replace_file(change.path, change.old, change.new)
    assert (here.pam / "sudo").read_text() == SUDO
    assert [entry.name for entry in here.pam.iterdir()] == ["sudo"]


def test_without_a_backup_nothing_is_written(here):
    change = plan(here, "sudo", LINES)
    here.state.mkdir(mode=0o755)
    with pytest.raises(PamError, match="open to other users"):
        apply(here, change)
    assert (here.pam / "sudo").read_text() == SUDO


def test_a_file_that_another_program_changed_stays_as_it_is(here):
    change = plan(here, "sudo", LINES)
    (here.pam / "sudo").write_text("# another program was here\n" + SUDO)
    with pytest.raises(PamError, match="changed by another program"):
        apply(here, change)
    assert (here.pam / "sudo").read_text() == "# another program was here\n" + SUDO


def test_bytes_that_are_no_text_come_back_as_they_were(here):
    odd = b"# caf\xe9 \xff\n" + SUDO.encode() + b"# no line feed at the end"
    (here.pam / "sudo").write_bytes(odd)
    apply(here, plan(here, "sudo", LINES))
    assert len(find_lines(here.read("sudo"))) == 2
    apply(here, plan_removal(here, "sudo"))
    assert (here.pam / "sudo").read_bytes() == odd


def test_a_damaged_backup_is_not_put_back(here):
    apply(here, plan(here, "sudo", LINES))
    (here.state / "sudo.before").write_text("auth sufficient pam_permit.so\n")
    apply(here, plan_removal(here, "sudo"))
    assert (here.pam / "sudo").read_text() == SUDO


def test_services_that_include_each_other_are_not_asked_twice(here):
    (here.pam / "sudo-i").write_text("auth include sudo\naccount include sudo\n")
    first = plan(here, "sudo", LINES)
    assert first.services == ("sudo", "sudo-i")
    with pytest.raises(PamError, match=r"looked for 2 times .*sudo and sudo-i"):
        plan(here, "sudo-i", LINES, {"sudo": first.new})
    apply(here, first)
    with pytest.raises(PamError, match="looked for 2 times"):
        plan(here, "sudo-i", LINES)


def program(path, first=f"#!{sys.executable}"):
    path.write_text(f"{first}\n")
    path.chmod(0o755)
    return path


def test_only_root_can_change_the_program_and_python_is_started_isolated(tmp_path, here):
    script = program(tmp_path / "onlyme-pam")
    assert find_command(script) == (sys.executable, "-I", str(script))
    script.chmod(0o775)
    with pytest.raises(PamError, match="can be changed by other users than root"):
        find_command(script)
    script.chmod(0o755)
    os.chown(script, 1, 1)
    with pytest.raises(PamError, match="can be changed by other users than root"):
        find_command(script)
    os.chown(script, 0, 0)
    for mode, fine in ((0o777, False), (0o1777, True)):  # open to all users; sticky, as /tmp is
        tmp_path.chmod(mode)
        if fine:
            assert find_command(script)
        else:
            with pytest.raises(PamError, match="can be changed by other users than root"):
                find_command(script)
    link = tmp_path / "linked"
    link.symlink_to(script)
    os.chown(script, 1, 1)
    with pytest.raises(PamError, match="can be changed by other users than root"):
        find_command(link)
    os.chown(script, 0, 0)
    loose = tmp_path / "loose"
    loose.mkdir(mode=0o777)
    loose.chmod(0o777)
    (loose / "link").symlink_to(script)  # every user could replace it
    link.unlink()
    link.symlink_to("loose/link")
    with pytest.raises(PamError, match="loose can be changed by other users"):
        find_command(link)
    with pytest.raises(PamError, match="there is no program"):
        find_command(Path("/opt/none/onlyme-pam"))
