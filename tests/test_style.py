"""Habits that no linter holds: reasons beside what is ignored, plain words, one name a class."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src" / "onlyme").rglob("*.py"))
CODE = [
    *SOURCES,
    *(p for d in ("tests", "tools", "benchmarks", "examples") for p in (ROOT / d).rglob("*.py")),
]
IGNORED = re.compile(r"#\s*(noqa|type:\s*ignore)(:[\s\w,]*\w|\[[\w, -]*\])?(?P<reason>.*)$")
RIDDLES = re.compile(
    r"\b(whoever|whatever|whomever|whichever|nobody|somebody|so (?:many|much|long|often))\b", re.I
)


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_line_ignores_has_a_reason(path):
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if found := IGNORED.search(line):
            reason = found["reason"].strip(" -#")
            assert len(reason) > 3, f"{path.name}:{number} does not say why it ignores that"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_code_is_in_plain_words(path):
    found = [
        f"{number}: {match[0]}"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for match in RIDDLES.finditer(line)
    ]
    assert not found, "say who, what or how many instead"


def test_no_two_classes_share_a_name():
    names = Counter(
        node.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []
