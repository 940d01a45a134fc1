"""Check where our lines go, and which files stay as they are."""

import string
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onlyme.errors import PamError
from onlyme.unlock.pam.placement import check_rules, find_sharing, place_lines
from onlyme.unlock.pam.rules import MARK, PamLines, find_lines, remove_lines
from onlyme.unlock.pam.stack import parse_rules

PAM = Path("/etc/pam.d")
LINES = PamLines(("/opt/onlyme/bin/onlyme-pam",))

COMMON = """\
auth\t[success=1 default=ignore]\tpam_unix.so nullok
auth\trequisite\tpam_deny.so
auth\trequired\tpam_permit.so
auth\toptional\tpam_cap.so
"""
# The rules that Fedora's authselect writes, and those of Arch and openSUSE.
FEDORA = """\
auth        required                                     pam_env.so
auth        required                                     pam_faildelay.so delay=2000000
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        [default=1 ignore=ignore success=ok]         pam_localuser.so
auth        sufficient                                   pam_unix.so nullok
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        sufficient                                   pam_sss.so forward_pass
auth        required                                     pam_deny.so
account     required                                     pam_unix.so
"""
ARCH = """\
auth       required                    pam_faillock.so      preauth
-auth      [success=2 default=ignore]  pam_systemd_home.so
auth       [success=1 default=bad]     pam_unix.so          try_first_pass nullok
auth       [default=die]               pam_faillock.so      authfail
auth       optional                    pam_permit.so
auth       required                    pam_env.so
auth       required                    pam_faillock.so      authsucc
account    required                    pam_unix.so
"""


def folder(text, **more):
    files = {"svc": text, "common-auth": COMMON, "fedora": FEDORA, "arch": ARCH} | more

    def read(name):
        if name not in files:
            raise PamError(f"{name} is missing")
        return files[name]

    return read


def put(read, service="svc", names=("svc", "common-auth", "fedora", "arch")):
    """Return the file with our lines, and the notes on it."""
    new = place_lines(read, service, LINES)

    def after(name):
        return new if name == service else read(name)

    notes = check_rules(after, service, read)
    for other in find_sharing(read, names, service):
        check_rules(after, other, read)
    return new, notes


def assert_refused(text, says, **more):
    with pytest.raises(PamError, match=says) as caught:
        put(folder(text, **more))
    assert str(caught.value).startswith("svc: ") or "is missing" in str(caught.value)


@pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="this is not Debian")
@pytest.mark.parametrize("service", ["sudo", "sudo-i", "login", "su", "su-l", "chsh"])
def test_debians_services_take_our_lines_before_the_password(service):
    def read(name):
        return (PAM / name).read_text()

    new, _ = put(read, service, [file.name for file in PAM.iterdir()])
    rows = new.split("\n")
    rules = parse_rules(new, service)
    ours = [number for number, rule in enumerate(rules) if rows[rule.start].endswith(MARK)]
    auth, account = (rules[number] for number in ours)
    assert (auth.kind, auth.control) == ("auth", "[success=done default=ignore]")
    assert auth.arguments == ("quiet", "stdout", "seteuid", "/opt/onlyme/bin/onlyme-pam")
    assert (account.kind, account.control) == ("account", "[default=ignore]")
    assert rules[ours[0] + 1].file in {"common-auth", "su"}
    assert rules[ours[1] + 1].file in {"common-account", "su"}
    assert remove_lines(new) == read(service)


def test_the_account_line_stands_where_there_are_account_rules_only():
    new, _ = put(folder("auth required pam_unix.so\n"))
    assert [line.split("\t")[0] for line in find_lines(new)] == ["auth"]


def test_modules_that_set_something_up_are_named():
    _, notes = put(folder("@include common-auth\naccount required pam_unix.so\n"))
    assert len(notes) == 1
    assert "pam_cap (common-auth, line 4) is not called" in notes[0]


def test_fedoras_rules_take_our_line_before_the_include():
    text = "auth include fedora\naccount include fedora\n"
    new, _ = put(folder(text))
    rows = new.split("\n")
    assert rows[0].endswith(MARK)
    assert rows[1] == "auth include fedora"
    put(folder("auth substack fedora\n"))


def test_our_line_is_never_inside_a_jump():
    """Otherwise the jump would end at our line, and the wrong users would need a password."""
    text = FEDORA.partition("account")[0]
    new, _ = put(folder(text))
    rows = new.split("\n")
    at = next(number for number, row in enumerate(rows) if row.endswith(MARK))
    assert "isregular" in rows[at + 1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no auth rules of its own"),
        ("account required pam_unix.so\n", "no auth rules of its own"),
        ("auth required pam_permit.so\n", "none of its auth rules asks for a password"),
        ("auth requisite pam_deny.so\nauth required pam_unix.so\n", "never reach pam_unix"),
        ("auth required pam_deny.so\nauth required pam_unix.so\n", "right password .* not open"),
        (
            "auth [default=die] pam_permit.so\nauth required pam_unix.so\n",
            "never reach pam_unix",
        ),
        (
            "auth sufficient pam_unix.so\nauth required pam_permit.so\n",
            "a wrong password .* open it, even without our line",
        ),
        (
            "auth required pam_unix.so\nauth required pam_google_authenticator.so\n",
            r"pass over pam_google_authenticator \(svc, line 2\), which may refuse",
        ),
        ("@include common-auth\nauth requisite pam_access.so\n", "pass over pam_access"),
        ("@include gone\n", "gone is missing"),
        (
            "auth required pam_env.so user_readenv=1\nauth required pam_unix.so\n",
            "lets each user set the environment of our program",
        ),
        ("auth [success=9 default=ignore] pam_unix.so\n", "right password .* would not open"),
    ],
)
def test_rules_that_leave_no_password_or_open_too_much_are_refused(text, says):
    assert_refused(text, says)


def test_services_that_stand_for_others_are_refused():
    for name in ("other", "common-auth"):
        with pytest.raises(PamError, match="nothing was changed"):
            place_lines(folder("", other=COMMON), name, LINES)


def test_archs_rules_take_our_line_before_the_include():
    new, notes = put(folder("auth include arch\naccount include arch\n"))
    assert new.split("\n")[0].endswith(MARK)
    assert "pam_faillock (arch, line 1)" in notes[0]


# The rules of desktops: Debian's GDM, LightDM, SDDM, polkit and swaylock, and Fedora's GDM.
DESKTOPS = {
    "gdm": "auth requisite pam_nologin.so\nauth required pam_succeed_if.so user != root quiet\n"
    "@include common-auth\nauth optional pam_gnome_keyring.so\n",
    "lightdm": "auth requisite pam_nologin.so\n"
    "auth sufficient pam_succeed_if.so user ingroup nopasswdlogin\n"
    "@include common-auth\n-auth optional pam_gnome_keyring.so\n",
    "sddm": "auth requisite pam_nologin.so\nauth required pam_succeed_if.so user != root quiet\n"
    "@include common-auth\n-auth optional pam_kwallet5.so\n",
    "polkit": "@include common-auth\n",
    "swaylock": "auth include fedora\n",
    "fedora gdm": "auth [success=done ignore=ignore default=bad] pam_selinux_permit.so\n"
    "auth substack fedora\nauth optional pam_gnome_keyring.so\n",
    "fingerprint": "auth sufficient pam_fprintd.so max-tries=1\n@include common-auth\n",
    "smart card": "auth [success=done authinfo_unavail=ignore ignore=ignore default=die] "
    "pam_pkcs11.so\n@include common-auth\n",
}


@pytest.mark.parametrize("desktop", DESKTOPS)
def test_desktops_take_our_line(desktop):
    text = DESKTOPS[desktop] + "account required pam_unix.so\n"
    new, notes = put(folder(text))
    assert len(find_lines(new)) == 2
    rows = new.split("\n")
    at = next(number for number, row in enumerate(rows) if row.endswith(MARK))
    assert any(word in rows[at + 1] for word in ("common-auth", "fedora"))
    assert all("is not called; it matters only after a password" in note for note in notes)


def test_faillock_before_the_password_is_respected():
    """A user who is locked out stays locked out: `done` does not undo a refusal."""
    text = "auth required pam_faillock.so preauth\n@include common-auth\n"
    new, _ = put(folder(text))
    assert new.split("\n")[1].endswith(MARK)


def test_a_service_that_includes_another_is_checked_as_well():
    files = {"fedora": "auth include svc\nauth required pam_u2f.so\n"}
    assert find_sharing(folder(COMMON, **files), ("svc", "fedora"), "svc") == ["fedora"]
    with pytest.raises(PamError, match="fedora: a face would pass over pam_u2f"):
        put(folder("auth required pam_unix.so\n", **files))


def test_a_path_that_cannot_stand_in_a_pam_file_is_refused():
    for path in ("/a b/onlyme-pam", "/a#b", "/a[b", "/a]b", "/a\\b", "/ä/b", "/a\nb"):
        with pytest.raises(PamError, match="install onlyme elsewhere"):
            PamLines((path,))


# Any text, with the words that matter to PAM more often than by chance.
PIECES = st.sampled_from(
    [
        *("auth required pam_unix.so", "@include common-auth", "auth include fedora"),
        *("auth\tsufficient pam_rootok.so", "account required pam_unix.so", "# a comment"),
        *("session required pam_limits.so", "", "  ", "auth required \\\n  pam_unix.so"),
        *("auth [success=1 default=ignore] pam_unix.so", "auth requisite pam_deny.so"),
        *("auth required pam_permit.so", "auth [success=2 default=ignore] pam_fprintd.so"),
        *("auth optional pam_cap.so # why", "@include common-account", "\udcff é \udc80"),
    ]
)
TEXTS = st.one_of(
    st.lists(PIECES, max_size=9).map("\n".join),
    st.lists(PIECES, max_size=9).map(lambda rows: "\n".join([*rows, ""])),
    st.text(alphabet=string.printable, max_size=60),
)


def installed(text):
    try:
        return put(folder(text, **{"common-account": "account required pam_unix.so\n"}))[0]
    except PamError:
        return None


@settings(deadline=None)  # this machine may be busy
@given(TEXTS)
@example("auth required pam_unix.so")
def test_in_and_out_again_is_the_same_file(text):
    new = installed(text)
    if new is not None:
        assert new != text
        assert remove_lines(new) == text


@settings(deadline=None)  # this machine may be busy
@given(TEXTS)
@example("auth required pam_unix.so")
def test_twice_is_once(text):
    new = installed(text)
    if new is not None:
        assert installed(new) == new


@settings(deadline=None)  # this machine may be busy
@given(TEXTS, st.data())
@example("auth required pam_unix.so\n", None)
def test_an_upgrade_around_our_lines_stays_when_they_go(text, data):
    new = installed(text)
    if new is None or data is None:
        return
    rows = new.split("\n")
    upgraded = []
    for row in rows:
        fate = "keep" if row.endswith(MARK) else data.draw(st.sampled_from(["keep", "drop", "add"]))
        upgraded += {"keep": [row], "drop": [], "add": [row, data.draw(PIECES)]}[fate]
    own = "\n".join(row for row in upgraded if not row.endswith(MARK))
    assert remove_lines("\n".join(upgraded)) == own


def test_the_examples_accept_our_lines():
    """The properties above would be empty if every text were refused."""
    texts = ["auth required pam_unix.so", "@include common-auth\n", "auth include fedora"]
    assert all(installed(text) for text in texts)
