"""Check with the real PAM that a face never opens more than the password does.

Random stacks get our lines where `placement` allows it. Then libpam runs them with modules whose
answers are set: a right and a wrong password, a face accepted and refused.
"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from onlyme.errors import PamError
from onlyme.unlock.pam.placement import HARMLESS_MODULES, check_rules, place_lines
from onlyme.unlock.pam.rules import MARK, PamLines
from tests.unlock.pam.test_stack import libpam as libpam

LINES = PamLines(("/opt/onlyme/bin/onlyme-pam",))
WORDS = st.sampled_from(["required", "required", "requisite", "sufficient", "optional"])
BRACKETS = st.sampled_from(
    [
        *("[success=1 default=ignore]", "[success=2 default=ignore]", "[success=ok default=1]"),
        *("[success=done default=bad]", "[success=ok default=die]", "[default=ignore]"),
        *("[success=1 default=bad]", "[success=ok ignore=ignore default=bad]", "[default=die]"),
    ]
)
MODULES = st.sampled_from(
    [
        *["pam_unix"] * 3,
        "pam_x",
        "pam_x",
        "pam_y",
        "pam_cap",
        "pam_permit",
        "pam_permit",
        "pam_deny",
    ]
)
ROWS = st.lists(st.tuples(st.one_of(WORDS, WORDS, BRACKETS), MODULES), min_size=1, max_size=6)
ANSWERS = st.lists(st.sampled_from(["success", "ignore", "auth_err"]), min_size=9, max_size=9)


def set_answers(text, password, others, face=None):
    """Return the same rules with modules that give these answers."""
    rows, at = [], 0
    for row in text.split("\n"):
        if row.endswith(MARK):
            row = f"auth {row.split(chr(9))[1]} pam_debug.so auth={face}"
        elif "pam_unix" in row:
            row = row.replace("pam_unix.so", f"pam_debug.so auth={password}")
        elif "pam_x" in row or "pam_y" in row:
            row = row.replace("pam_x.so", "pam_debug.so").replace("pam_y.so", "pam_debug.so")
            row, at = f"{row} auth={others[at]}", at + 1
        elif "pam_cap" in row:
            row = row.replace("pam_cap.so", "pam_debug.so auth=success")
        rows.append(row)
    return "\n".join(rows)


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(rows=ROWS, others=ANSWERS)
def test_a_face_never_opens_more_than_the_password(rows, others, libpam):
    assert "pam_cap" in HARMLESS_MODULES
    # A module that only sets something up must not decide, so its control is `optional` here.
    rows = [("optional" if module == "pam_cap" else word, module) for word, module in rows]
    old = "\n".join([*(f"auth {control} {module}.so" for control, module in rows), ""])
    try:
        new = place_lines(lambda _: old, "svc", LINES)
        check_rules(lambda _: new, "svc", lambda _: old)
    except PamError:
        event("refused")
        return
    event("accepted")
    note(new)

    def real(text):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "svc").write_text(text)
            (Path(folder) / "other").write_text("auth required pam_deny.so\n")
            return libpam(folder)

    right, wrong = (real(set_answers(old, word, others)) for word in ("success", "auth_err"))
    # Without a face everything is as before, for every answer of the program.
    for failed in ("auth_err", "system_err", "ignore", "module_unknown", "abort", "maxtries"):
        assert real(set_answers(new, "success", others, failed)) == right
    assert real(set_answers(new, "auth_err", others, "system_err")) == wrong
    # A face opens only where the right password would have opened.
    if real(set_answers(new, "auth_err", others, "success")) == "success":
        assert right == "success"
    # Where no other module refuses, the face opens.
    fine = ["success" if answer == "auth_err" else answer for answer in others]
    if real(set_answers(old, "success", fine)) == "success":
        assert real(set_answers(new, "auth_err", fine, "success")) == "success"


def test_modules_that_replace_each_other_are_checked_together():
    old = "auth required pam_unix.so\nauth sufficient pam_x.so\nauth required pam_y.so\n"
    new = place_lines(lambda _: old, "svc", LINES)
    with pytest.raises(PamError, match=r"over pam_x \(svc, line 2\), pam_y \(svc, line 3\)"):
        check_rules(lambda _: new, "svc", lambda _: old)
