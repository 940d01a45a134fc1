"""Provide Debian's PAM files with our command line."""

from pathlib import Path

import pytest

from tests.unlock.pam.debian import DebianPam


@pytest.fixture
def debian(empty):
    if not Path("/etc/debian_version").exists():
        pytest.skip("this is not Debian, whose files these tests are about")
    empty.configure(unlock_intent="enter")  # by default nothing is installed into sudo and su
    return DebianPam(empty)
