"""Say what is in the PAM files, and what the next login does."""

import json
import re
import sys

import pytest

from tests.unlock.conftest import clip, show
from tests.unlock.pam.debian import DebianPam
from tests.unlock.stack import OTHER, PASSWORD, SECONDS, USER


def test_status_says_what_is_in_the_files(debian):
    assert debian.read_status() == {}
    debian.install("sudo", "su")
    rows = debian.read_status("--user", USER)
    assert [row["state"] for row in rows.values()] == ["installed"] * 3  # su-l includes su
    assert rows["su-l"]["detail"] == "by the file su"
    file = debian.pam / "sudo"
    good = file.read_text()
    for old, new, why in (
        ("[success=done", "[success=ok", "not as `onlyme unlock install` writes them"),
        ("default=ignore]\tpam_exec.so quiet stdout", "default=die] pam_exec.so quiet stdout",
         "our line would change PAM's answer"),
        ("/etc/onlyme/onlyme-pam", "/opt/gone", "/opt/gone, which does not exist"),
        ("@include common-auth", "auth required pam_unix.so\nauth required pam_u2f.so",
         "pass over pam_u2f"),
    ):  # fmt: skip
        assert old in good
        file.write_text(good.replace(old, new))
        row = debian.read_status("sudo")["sudo"]
        assert row["state"] == "altered", row
        assert why in row["detail"], row
    file.write_text("auth required pam_unix.so\n")
    row = debian.read_status("--user", USER)["sudo"]
    assert row["state"] == "absent"
    assert "replaced since" in row["detail"]
    assert row["next_login"] == "asks for the password, without looking for a face"


def test_status_says_that_no_daemon_answers_and_that_a_session_is_remote(debian):
    debian.install("sudo")
    row = debian.read_status("sudo", "--user", USER)["sudo"]
    assert row["daemon"] is None
    assert row["next_login"] == (
        "asks for the password: The onlyme service is not running: systemctl start onlyme"
    )
    done = debian.stack.run(
        *(sys.executable, "-m", "onlyme", "unlock", "status", "sudo", "--json"),
        environment={"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"},
    )
    document = json.loads(done.stdout)
    assert document["remote"] is True
    assert "remote" in document["services"][0]["next_login"]
    text = debian.onlyme("status").stdout
    assert text.startswith("✓ sudo")


@pytest.mark.data
def test_installed_with_the_real_helper_and_the_real_daemon(stack, data):
    """Run the whole way from the command line to an open login: the owner, then a stranger."""
    debian = DebianPam(stack)
    done = debian.onlyme("install", "login", "--yes", "--user", USER)
    assert done.returncode == 0, done.stdout
    file = stack.folder / "etc/pam.d/login"
    # This machine may be busy: wait for longer than the default.
    text = re.sub(r"(onlyme-pam) #", rf"\1 --seconds {SECONDS:g} #", file.read_text())
    file.write_text(text)
    with stack.daemon():
        row = debian.read_status("login", "--user", USER)["login"]
        assert row["daemon"]["ready"], row
        assert row["next_login"].startswith("looks through camera"), row
        assert debian.read_status("login", "--user", "nobody")["login"]["next_login"].startswith(
            "asks for the password: no face is enrolled for this user"
        )
        opened = stack.login(service="login", more=["setcred", "acct_mgmt"])
        assert opened.opened, (opened, stack.log())
        assert not opened.asked
        show(stack, clip(data, OTHER))
        typed = stack.login(service="login", password=PASSWORD, more=["acct_mgmt"])
        assert typed.opened
        assert typed.asked
        assert "does not match" in typed.words
    assert stack.login(service="login", password=PASSWORD).opened
