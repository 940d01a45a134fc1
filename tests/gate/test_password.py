"""What is asked of the system's helper, by a helper that writes it down.

The real helper and real passwords: tests/gate/test_login_password.py.
"""

import os
import pwd

import pytest

from onlyme.errors import UsageError
from onlyme.gate.password import is_login_password


@pytest.fixture
def helper(tmp_path):
    """A helper that accepts one password, and writes down its arguments and environment."""
    path = tmp_path / "helper"
    path.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\n/usr/bin/env > {tmp_path}/environment\n'
        f'[ "$(tr -d "\\000")" = horse ]\n'
    )
    path.chmod(0o755)
    return path


def test_the_helper_decides(helper, tmp_path):
    assert is_login_password("horse", "ada", helpers=(str(helper),))
    assert (tmp_path / "arguments").read_text() == "ada nonull\n"
    assert "HOME=" not in (tmp_path / "environment").read_text()
    assert not is_login_password("donkey", "ada", helpers=(str(helper),))


def test_without_a_name_it_is_the_user_of_this_program(helper, tmp_path):
    assert is_login_password("horse", helpers=(str(tmp_path / "none"), str(helper)))
    assert (tmp_path / "arguments").read_text() == f"{pwd.getpwuid(os.getuid()).pw_name} nonull\n"


@pytest.mark.parametrize(
    ("password", "user"), [("horse\0", "ada"), ("\ud800", "ada"), ("horse", "-ada")]
)
def test_what_no_keyboard_types_and_no_user_is_called_is_wrong(helper, tmp_path, password, user):
    assert not is_login_password(password, user, helpers=(str(helper),))
    assert not (tmp_path / "arguments").exists()


def test_a_helper_that_cannot_run_accepts_nothing(tmp_path):
    (tmp_path / "helper").write_text("not a program")
    assert not is_login_password("horse", "ada", helpers=(str(tmp_path / "helper"),))


def test_without_a_helper_it_says_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="as root"):
        is_login_password("horse", helpers=(str(tmp_path / "none"),))
