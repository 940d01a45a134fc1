"""Try new PAM files with the real PAM before they are written."""

import pytest

from tests.unlock.stack import PASSWORD, USER, WRONG


def test_the_password_itself_can_be_tried(debian):
    words = ("sudo", "--try-password")
    wrong = debian.try_install(*words, text_in=f"{WRONG}\n")
    assert wrong.returncode == 2
    assert f"this password of {USER} did not open it" in wrong.stdout
    assert "# onlyme unlock" not in (debian.pam / "sudo").read_text()
    right = debian.try_install(*words, text_in=f"{PASSWORD}\n")
    assert right.returncode == 0, right.stdout


def test_a_trial_leaves_counts_of_wrong_passwords_alone(debian):
    file = debian.pam / "sudo"
    file.write_text(
        "auth required pam_faillock.so preauth\nauth [success=1 default=bad] pam_unix.so\n"
        "auth [default=die] pam_faillock.so authfail\nauth required pam_permit.so\n"
    )
    counts = debian.stack.folder / "run/faillock"
    counts.mkdir()
    debian.install("sudo")
    assert not list(counts.iterdir())
    assert not debian.stack.login(service="sudo", password=WRONG).opened
    assert [count.name for count in counts.iterdir()] == [USER]  # as it does without a trial


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auth sufficient pam_permit.so\n@include common-auth\n", "rules never reach pam_unix"),
        ("auth sufficient pam_debug.so\n@include common-auth\n", "opens for ada without a pass"),
        ("auth required pam_shells.so\nauth requisite pam_deny.so\n", "none of its auth rules"),
        ("auth required pam_nologin.so\n@include common-auht\n", "common-auht does not exist"),
        ("auth requisite pam_rootok.so\n@include common-auth\n", "does not ask ada for a password"),
        ("auth required pam_unix.so\nauth required pam_debug.so\n", "pass over pam_debug"),
        ("auth required pam_gone.so\n@include common-auth\n", "face accepted did not open"),
    ],
)  # fmt: skip
def test_rules_that_the_real_pam_answers_otherwise_are_refused(debian, text, says):
    (debian.pam / "sudo").write_text(text)
    done = debian.try_install("sudo")
    assert done.returncode == 2, done.stdout
    assert says in done.stdout
    assert (debian.pam / "sudo").read_text() == text
