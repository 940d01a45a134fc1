"""Imports go one way: cli, serve, unlock → wiring → faceid → rooms → types, errors, sqlite."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "onlyme"
ROOMS = {
    *("image", "face", "runtime", "siamese", "liveness", "vault", "gate", "gallery"),
    *("evaluate", "lab"),
}
FRONT = {"cli", "serve", "unlock", "__main__"}
# What lies between the rooms and the front, lower first; each may import those below it.
MIDDLE = (
    "names",
    "presets",
    "keeping",
    "restoring",
    "settings",
    "pipeline",
    "crowd",
    "renewal",
    "owner",
    "identification",
    "promise",
    "everybody",
    "door",
    "documents",
    "enrolling",
    "teaching",
    "coach",
    "sitting",
    "guiding",
    "attempt",
    "adaptation",
    "challenged",
    "faceid",
    "swift",
    "wiring",
    "crew",
    "twins",
    "census",
    "oneshot",
    "presenting",
)
GROUND = {"types", "errors", "sqlite"}
EXCEPTIONS = {
    ("evaluate", "siamese"),
    ("faceid", "wiring"),  # FaceID.open, the front door: docs/decisions/0001
}
FILES = sorted(SOURCE.rglob("*.py"))


def place(path):
    """The room, or the module at the top, that a file belongs to."""
    parts = path.relative_to(SOURCE).parts
    return parts[0].removesuffix(".py")


def imported(path):
    """The rooms and modules of onlyme that a file imports, wherever in it."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "onlyme":
                names = [f"onlyme.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("onlyme."):
                yield name.split(".")[1]


def allowed(here, there):
    if here == there or here in FRONT or there in GROUND:
        return True
    if (here, there) in EXCEPTIONS:
        return True
    if here in MIDDLE:
        return there in ROOMS or (there in MIDDLE and MIDDLE.index(there) < MIDDLE.index(here))
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_one_way(path):
    here = place(path)
    if here == "__init__":
        pytest.skip("the package itself exports from everywhere")
    wrong = sorted({there for there in imported(path) if not allowed(here, there)})
    assert not wrong, f"{here} must not import {', '.join(wrong)}"


def test_every_place_is_known():
    places = {place(path) for path in FILES} - {"__init__"}
    assert places <= ROOMS | FRONT | GROUND | set(MIDDLE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_stay_small(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_torch_lives_in_the_lab_alone():
    for path in FILES:
        if place(path) == "lab":
            continue
        words = path.read_text("utf-8")
        assert "import torch" not in words, path
        assert "import lightning" not in words, path


def test_every_room_says_what_comes_in_and_what_goes_out():
    for room in sorted({place(path) for path in FILES} & (ROOMS | FRONT) - {"__main__"}):
        docstring = ast.get_docstring(ast.parse((SOURCE / room / "__init__.py").read_text("utf-8")))
        assert docstring, f"{room} has no docstring"
