"""The house: which room may import which, read from every import in `src` (docs/decisions/0001)."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "onlyme"
LAYERS = (  # lowest first; a room imports only from layers below its own
    {"errors"},
    {"types", "storage", "charts"},
    {"settings", "draw", "image", "face", "siamese", "liveness", "gate"},
    {"vault", "gallery", "enrollment", "verification", "runtime", "evaluate", "lab", "events"},
    {"faceid"},
    {"serve", "unlock", "testing"},
    {"cli"},
    {"__main__"},
)
HALL = {"__init__", "__main__", "settings", "errors", "types", "charts", "draw", "testing"}
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
FILES = sorted(SOURCE.rglob("*.py"))
MAX_LINES = 400
MAX_PAIRS = 262


def name(path):
    """The dotted name of a module, without `onlyme.`; of a package, that of its folder."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def room(module):
    return module.split(".")[0]


@cache
def imports(path):
    """The modules of onlyme that a file imports, wherever in it, also for type checkers only."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {module.removeprefix("onlyme.") for module in found if module.startswith("onlyme.")}


MODULES = {name(path): path for path in FILES}


def modules_of(path):
    """Those of `imports` that are modules: `a.b.C` is a name in the module `a.b`."""
    for imported in imports(path):
        while imported and imported not in MODULES:
            imported = imported.rpartition(".")[0]
        if imported and imported != name(path):
            yield imported


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_room_imports_only_from_layers_below(path):
    here = room(name(path))
    if path.name == "__init__.py" and path.parent == SOURCE:
        pytest.skip("the package hands names on and holds nothing")
    wrong = {there for there in map(room, modules_of(path)) if there != here}
    wrong = {there for there in wrong if LEVEL[there] >= LEVEL[here]}
    assert not wrong, f"{here} must not import {', '.join(sorted(wrong))}"


def test_no_modules_import_one_another_in_a_circle():
    graph = {module: set(modules_of(path)) for module, path in MODULES.items() if module}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))
    assert set(order) == set(graph)


def test_every_room_has_its_layer_and_only_the_hall_stands_in_the_hall():
    rooms = {room(module) for module in MODULES if module} - {"__init__"}
    assert rooms <= set(LEVEL)
    assert {path.stem for path in SOURCE.glob("*.py")} <= HALL
    assert len(LAYERS) <= 8


def test_few_modules_know_another_room(capsys):
    """A number to look at; the ground below is for all rooms."""
    ground = {"errors", "types", "storage", "charts", "settings"}
    pairs = {
        (module, room(there))
        for module, path in MODULES.items()
        for there in modules_of(path)
        if room(there) not in ground | {room(module)} and module
    }
    with capsys.disabled():
        print(f"\n{len(pairs)} pairs of a module and another room")  # noqa: T201 - it is to be read
    assert len(pairs) <= MAX_PAIRS


@pytest.mark.parametrize("path", FILES, ids=name)
def test_modules_stay_small_and_say_what_they_do(path):
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    if "migrations" not in path.parts:
        first = (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]
        assert first.endswith((".", ":")), f"{path} does not say what it does in one line"
        assert "come in" not in first
        assert "comes in" not in first


def test_torch_lives_in_the_lab_alone():
    for path in FILES:
        if room(name(path)) != "lab":
            words = path.read_text("utf-8")
            assert "import torch" not in words, path
            assert "import lightning" not in words, path
