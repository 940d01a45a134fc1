"""Provide folders of PAM's files: empty ones, and Debian's with our command line."""

import os
from pathlib import Path

import pytest

from onlyme.unlock.pam.folders import PamFolders
from tests.unlock.pam.debian import DebianPam


@pytest.fixture
def debian(empty):
    if not Path("/etc/debian_version").exists():
        pytest.skip("this is not Debian, whose files these tests are about")
    empty.configure(unlock_intent="enter")  # by default nothing is installed into sudo and su
    return DebianPam(empty)


@pytest.fixture
def pam_folders(tmp_path):
    """Folders of PAM's files without a service."""
    if os.geteuid() != 0:
        if os.environ.get("CI"):
            pytest.fail("PAM's files are root's; run the tests as root")
        pytest.skip("PAM's files are root's")
    made = PamFolders(tmp_path / "etc", tmp_path / "usr", tmp_path / "state")
    made.pam.mkdir()
    made.vendor.mkdir()
    return made
