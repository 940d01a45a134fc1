"""What the programs beside the package take from it exists: no test runs each of them whole."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = [
    path
    for folder in ("tools", "benchmarks", "packaging", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def list_imports(path):
    """Return module and name of each import from onlyme, also of those within functions."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return [
        (node.module, each.name)
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "onlyme"
        for each in node.names
    ]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_name_that_is_imported_exists(path):
    missing = []
    for module, name in list_imports(path):
        if not hasattr(import_module(module), name):
            try:
                import_module(f"{module}.{name}")
            except ModuleNotFoundError:
                missing.append(f"{module}.{name}")
    assert not missing


def test_the_imports_are_found():
    assert ("onlyme", "FaceID") in list_imports(ROOT / "tools/demo.py")
