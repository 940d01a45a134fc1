"""Folders that onlyme makes are private, and so are those that it makes above them."""

import ast
import os
import stat
from pathlib import Path

import pytest

from onlyme.storage import files

SOURCE = Path(files.__file__).resolve().parents[1]


@pytest.fixture
def umask():
    old = os.umask(0o022)
    yield
    os.umask(old)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("mask", [0, 0o002, 0o022, 0o077])
def test_no_folder_that_is_made_is_open_to_others(tmp_path, mask):
    """Whoever may write into a folder above can put another in the place of a private one."""
    folder = tmp_path / "a" / "b" / "c"
    os.umask(mask)
    files.make_folder(folder)
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in (folder, *folder.parents[:2])}
    assert modes == dict.fromkeys("abc", 0o700)
    files.make_folder(folder)  # it is there already
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        files.make_folder(tmp_path / "file" / "d")


def test_private_folders_are_made_in_one_way():
    """`mkdir(mode=0o700, parents=True)` is private itself, and not what is above it."""
    found = [
        f"{module.relative_to(SOURCE)}:{node.lineno}"
        for module in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"mkdir", "makedirs"}
        and {"mode", "parents"} <= {word.arg for word in node.keywords}
    ]
    assert found == []
