"""A service that only the distribution's folder has gets a copy, which goes with our lines."""

import os

import pytest

from onlyme.errors import PamError
from onlyme.unlock.pam import backup
from onlyme.unlock.pam.install import apply, list_installed, plan, plan_removal
from onlyme.unlock.pam.rules import PamLines, find_lines
from onlyme.unlock.pam.status import InstallState, read_status
from onlyme.unlock.pam.trial import try_service

LINES = PamLines(("/usr/bin/env",))
KDE = "# KDE\nauth required pam_unix.so\naccount required pam_unix.so\n"
NEW_KDE = "# KDE, upgraded\nauth required pam_unix.so nodelay\naccount required pam_unix.so\n"


@pytest.fixture
def here(pam_folders):
    (pam_folders.vendor / "kde").write_text(KDE)
    (pam_folders.vendor / "kde").chmod(0o644)
    return pam_folders


def install(here):
    """Install our lines; return the change as it is shown before, and its notes."""
    change = plan(here, "kde", LINES)
    shown = change.diff
    apply(here, change)
    return shown, change.notes


def uninstall(here):
    change = plan_removal(here, "kde")
    apply(here, change)
    return change


def test_a_copy_is_made_and_goes_again(here):
    assert plan_removal(here, "kde") is None
    before = os.umask(0o077)
    try:
        shown, notes = install(here)
    finally:
        os.umask(before)
    assert f"--- {here.vendor / 'kde'}\n+++ {here.pam / 'kde'}\n" in shown
    assert any("a copy of" in note for note in notes)
    file = here.pam / "kde"
    status = file.stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o644, 0, 0)
    assert len(find_lines(file.read_text())) == 2
    assert list_installed(here) == ["kde"]
    assert read_status(here, "kde").state is InstallState.INSTALLED
    again = plan(here, "kde", LINES)
    assert again.old == again.new
    uninstall(here)
    assert not list(here.pam.iterdir())
    assert (here.vendor / "kde").read_text() == KDE
    assert backup.list_backups(here.state) == []


def test_a_copy_follows_an_upgrade_when_it_is_installed_again(here):
    install(here)
    (here.vendor / "kde").write_text(NEW_KDE)
    assert read_status(here, "kde").state is InstallState.ALTERED
    assert "has changed; run `install` again" in read_status(here, "kde").detail
    install(here)
    assert "upgraded" in (here.pam / "kde").read_text()
    assert read_status(here, "kde").state is InstallState.INSTALLED
    uninstall(here)
    assert not list(here.pam.iterdir())


def test_a_copy_that_the_administrator_changed_stays_without_our_lines(here):
    install(here)
    file = here.pam / "kde"
    file.write_text("# mine\n" + file.read_text())
    (here.vendor / "kde").write_text(NEW_KDE)
    change = plan(here, "kde", LINES)
    assert change.origin is None
    assert change.new.startswith("# mine\n# KDE\n")
    assert "only our lines are removed" in uninstall(here).notes[0]
    assert file.read_text() == "# mine\n" + KDE


def test_a_copy_goes_even_if_its_original_is_gone(here):
    install(here)
    (here.vendor / "kde").unlink()
    assert read_status(here, "kde").state is InstallState.ALTERED
    uninstall(here)
    assert not list(here.pam.iterdir())


def test_a_file_that_another_program_makes_meanwhile_stays(here):
    change = plan(here, "kde", LINES)
    (here.pam / "kde").write_text("# another program\n")
    with pytest.raises(PamError, match="changed by another program"):
        apply(here, change)
    assert (here.pam / "kde").read_text() == "# another program\n"


def test_a_copy_that_another_program_changes_meanwhile_stays(here):
    install(here)
    change = plan_removal(here, "kde")
    with (here.pam / "kde").open("a") as file:
        file.write("# another program\n")
    with pytest.raises(PamError, match="changed by another program"):
        apply(here, change)
    assert (here.pam / "kde").read_text().endswith("# another program\n")


def test_a_copy_is_tried_with_the_real_pam_like_every_other(here, tmp_path):
    """In a trial the new text counts, and not the distribution's file."""
    change = plan(here, "kde", LINES)
    texts = {"kde": change.new.replace("pam_unix.so", "pam_permit.so")}
    with pytest.raises(PamError, match="opens for root without a password already"):
        try_service(here.readable, texts, "kde", "root")
    assert not list(here.pam.iterdir())
