"""Read PAM files and simulate stacks as the real PAM does."""

import ctypes.util
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from onlyme.errors import PamError
from onlyme.unlock.pam.simulate import CODES, parse_control, simulate_stack
from onlyme.unlock.pam.stack import flatten_rules, parse_rules

PAM = Path("/etc/pam.d")
ORACLE = Path(__file__).with_name("pam_oracle.py")
ANSWERS = [code for code in CODES if code != "incomplete"]


@pytest.fixture(scope="module")
def libpam():
    """Ask the real PAM about a service in a folder: `libpam(folder, service, kind)`."""
    if ctypes.util.find_library("pam") is None:
        if os.environ.get("CI"):
            pytest.fail("this machine has no libpam")
        pytest.skip("this machine has no libpam")
    with subprocess.Popen(
        [sys.executable, "-I", ORACLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as oracle:

        def ask(folder, service="svc", kind="auth"):
            oracle.stdin.write(json.dumps([str(folder), service, kind]) + "\n")
            oracle.stdin.flush()
            return CODES[int(oracle.stdout.readline())]

        yield ask
        oracle.stdin.close()


def reader(files):
    def read(name):
        if name not in files:
            raise PamError(f"{name} is not there")
        return files[name]

    return read


@pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="this is not Debian")
def test_debians_own_files_are_read():
    files = sorted(PAM.iterdir())
    assert files
    for file in files:
        text = file.read_text()
        rules = parse_rules(text, file.name)
        rows = text.split("\n")
        for rule in rules:
            assert rule.end == rule.start + 1
            assert rule.module in rows[rule.start]
        words = [row for row in rows if row.strip() and not row.strip().startswith("#")]
        assert len(words) == len(rules)


def test_a_rule_may_have_these_forms():
    text = (
        "#%PAM-1.0\n"
        "-auth\tOPTIONAL  pam_x.so a=1 [b c=2]   # why\n"
        "\n"
        "Auth [success=1 \\\n"
        "   default=ignore] \\\n"
        "   /lib/security/pam_y.so\n"
        "@include common-auth\n"
        "account include other-file"
    )
    rules = parse_rules(text, "svc")
    fields = [(r.kind, r.control, r.name, r.arguments, r.start, r.end, r.file) for r in rules]
    assert fields == [
        ("auth", "optional", "pam_x", ("a=1", "[b c=2]"), 1, 2, None),
        ("auth", "[success=1 default=ignore]", "pam_y", (), 3, 6, None),
        ("", "@include", "common-auth", (), 6, 7, "common-auth"),
        ("account", "include", "other-file", (), 7, 8, "other-file"),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auth required", "line 1 names no module"),
        ("\nauht required pam_unix.so", "line 2: auht is none of auth"),
        ("@include", "needs exactly one file name"),
        ("@include a b", "needs exactly one file name"),
        ("auth required \\\n# but\n pam_unix.so", "line 2 interrupts a rule"),
        ("auth required \\\n\n pam_unix.so", "line 2 interrupts a rule"),
        ("auth required pam_unix.so \\", "ends with a backslash"),
        ("# why \\\nauth required pam_unix.so", "line 1 is a comment that ends with a backslash"),
        ("auth required pam_unix.so\r\n", r"holds '\\r'"),
        ("auth required pam_unix.so\0", r"holds '\\x00'"),
        ("auth required pam_unix.so " + "x" * 1000, "longer than PAM reads"),
    ],
)
def test_a_line_that_is_not_understood_is_refused_with_its_number(text, says):
    with pytest.raises(PamError, match=says):
        parse_rules(text, "svc")


@pytest.mark.parametrize(
    "control", ["[]x", "[success=0]", "[success=maybe]", "[sucess=ok]", "[success]", "must", "[=]"]
)
def test_a_control_that_pam_does_not_know_is_refused(control):
    with pytest.raises(PamError, match=r"does not know the control|skips 0 rules"):
        parse_control(control)


def test_includes_and_substacks_come_in_their_places():
    read = reader(
        {
            "svc": "@include both\nauth substack sub\naccount required a.so\nauth required e.so\n",
            "both": "auth required a.so\naccount include more\n",
            "sub": "auth include more\nsession required s.so\n",
            "more": "auth required b.so\naccount required c.so\n",
        }
    )
    auth = flatten_rules(read, "svc", "auth")
    assert [(s.rule.name, s.level, s.file) for s in auth if s.runs] == [
        ("a", 0, "both"),
        ("b", 1, "more"),
        ("e", 0, "svc"),
    ]
    assert [s.rule.name for s in flatten_rules(read, "svc", "account")] == ["c", "a"]
    with pytest.raises(PamError, match="is not there"):
        flatten_rules(reader({"svc": "@include none"}), "svc", "auth")
    with pytest.raises(PamError, match="perhaps it includes itself"):
        flatten_rules(reader({"svc": "@include svc"}), "svc", "auth")


CONTROLS = st.one_of(
    st.sampled_from(["required", "requisite", "sufficient", "optional"]),
    st.dictionaries(
        st.sampled_from([*ANSWERS, "default"]),
        st.sampled_from(["ok", "done", "bad", "die", "ignore", "reset", "1", "2", "3"]),
        max_size=4,
    ).map(lambda said: "[" + " ".join(f"{k}={v}" for k, v in said.items()) + "]"),
)
RULES = st.tuples(CONTROLS, st.sampled_from(["success"] * 3 + ANSWERS))
FILES = st.lists(
    st.one_of(RULES, RULES, RULES, st.sampled_from(["include", "substack", "@include"])),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(files=st.lists(FILES, min_size=3, max_size=3), odd=st.randoms(use_true_random=False))
def test_the_simulation_answers_as_the_real_pam_does(files, odd, libpam):
    """Random stacks of pam_debug, which gives the answer in its argument, with includes."""
    texts = {"other": "auth required pam_deny.so\n"}
    for number, file in enumerate(files):
        rows = []
        for entry in file:
            if isinstance(entry, str):
                if number == len(files) - 1:
                    continue  # the last includes none
                name = f"f{number + 1}"
                row = f"@include {name}" if entry == "@include" else f"auth {entry} {name}"
            else:
                row = f"auth {entry[0]} pam_debug.so auth={entry[1]}"
                if "[" not in row and odd.random() < 0.3:
                    row = row.replace(" ", " \\\n\t", odd.randint(1, 2))
                row += odd.choice(["", "", " # why", "\n# a comment", "\n"])
            rows.append(row)
        texts["svc" if number == 0 else f"f{number}"] = "\n".join([*rows, ""])
    steps = flatten_rules(reader(texts), "svc", "auth")
    answers = [s.rule.arguments[0].partition("=")[2] if s.runs else "" for s in steps]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            # Older versions of PAM look into /etc/pam.d for what is included.
            absolute = re.sub(r"((?:in|sub)(?:clude|stack) )", rf"\g<1>{folder}/", text)
            (Path(folder) / name).write_text(absolute)
        real = libpam(folder)
    note(texts)
    if steps:
        assert simulate_stack(steps, answers)[0] == real
    else:
        assert real != "success"  # those of `other`
