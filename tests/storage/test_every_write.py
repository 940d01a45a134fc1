"""Every file that onlyme writes is written by `storage/files`, or has a reason."""

import ast
from pathlib import Path

import pytest

from onlyme.storage import files

SOURCE = Path(files.__file__).resolve().parents[1]

ALLOWED = {
    "gallery/stores/migrate.py": (1, "rows of a store are replaced, not a file"),
    "storage/peak_memory.py": (1, "/proc takes no drafts"),
    "lab/curves.py": (1, "a row is added at each step"),
    "lab/quantization.py": (1, "a file for the quantiser in a temporary folder, which is removed"),
    "cli/enroll.py": (1, "FaceID.rename gives a person another name"),
    "serve/routes/people.py": (1, "FaceID.rename, too"),
    "serve/compreface/people.py": (1, "FaceID.rename, too"),
    "serve/running.py": (1, "a note that its service holds locked while it runs"),
    "storage/system.py": (2, "a lock file stays empty; a copy in a temporary folder"),
    "storage/sqlite.py": (1, "an empty file, which SQLite then writes in transactions"),
    "unlock/pam/trial.py": (1, "copies in a temporary folder, which is removed"),
}
"""Modules with lines that look like hand-made writes: how many, and why they may stay."""


def hand_made_writes(tree):
    """Yield the lines of a module that rename a file, create one exclusively, or write one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"O_EXCL", "O_TRUNC", "O_CREAT"}:
            yield node.lineno
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        called, of = node.func.attr, ast.unparse(node.func.value)
        texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
        renames = called in {"rename", "renames", "hardlink_to", "write_text", "write_bytes"}
        # A path is replaced by one argument; text by two, a date by named ones.
        renames |= called == "replace" and len(node.args) == 1 and not node.keywords
        renames |= of == "os" and called in {"replace", "link"}
        renames |= called == "open" and any(isinstance(t, str) and t[:1] in "wxa" for t in texts)
        if renames:
            yield node.lineno


def test_every_write_goes_through_this_home():
    found = {}
    for module in sorted(set(SOURCE.rglob("*.py")) - {Path(files.__file__).resolve()}):
        if lines := set(hand_made_writes(ast.parse(module.read_text("utf-8")))):
            found[str(module.relative_to(SOURCE))] = len(lines)
    assert found == {name: lines for name, (lines, _) in ALLOWED.items()}


@pytest.mark.parametrize(
    "line",
    [
        "os.replace(a, b)",
        "draft.replace(path)",
        "draft.rename(path)",
        "path.write_text(text, 'utf-8')",
        "path.open('wb')",
        "os.open(path, os.O_EXCL)",
        "os.open(path, os.O_RDWR | os.O_CREAT)",
    ],
)
def test_a_hand_made_write_is_found(line):
    assert list(hand_made_writes(ast.parse(line)))


@pytest.mark.parametrize(
    "line", ["text.replace('a', 'b')", "when.replace(tzinfo=UTC)", "path.open('rb')", "open_(w)"]
)
def test_what_writes_no_file_is_not_found(line):
    assert not list(hand_made_writes(ast.parse(line)))
