"""What others may rely on: the exported names, and that importing them costs nothing."""

import doctest
import inspect
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

import onlyme
from onlyme import errors, types
from tests.processes import list_modules

REFERENCE = "".join(
    (Path(__file__).parents[1] / "docs/reference" / f"{page}.md").read_text("utf-8")
    for page in ("api", "errors")
)
HOMES = onlyme._HOMES

WITHIN = {"ExtraNetwork", "HeadReading", "MeshFace", "QualityCheck"}
"""Values that no public function takes or returns by themselves."""

SCREEN_LINES = 50

NAMES = sorted(set(onlyme.__all__) - {"__version__"})


def test_the_list_is_in_order_and_whole():
    """Every error is exported, and so is each value that crosses the public surface."""
    assert sorted(onlyme.__all__) == onlyme.__all__
    values = {name for name in types.__all__ if isinstance(getattr(types, name), type)}
    assert {*errors.__all__, *values - WITHIN} < set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_had(name):
    value = getattr(onlyme, name)
    assert value.__name__ == name
    assert value.__module__ == "onlyme", "users must not see in which module it is"
    assert name in dir(onlyme)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_its_place_in_the_reference(name):
    assert re.search(rf"^::: onlyme\.{name}$", REFERENCE, re.M)


def test_the_reference_claims_no_other_name():
    assert sorted(re.findall(r"^::: onlyme\.(\w+)$", REFERENCE, re.M)) == NAMES
    internal = re.findall(r"^::: onlyme\.(?!testing\.)\w+\..*$", REFERENCE, re.M)
    assert not internal, "an internal path"


def test_the_reference_has_every_helper_for_tests():
    from onlyme import testing

    assert re.findall(r"^::: onlyme\.testing\.(\w+)$", REFERENCE, re.M) == testing.__all__


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_are_true(name, tmp_path):
    """They say `onlyme`, so that pytest does not look for them where they are kept.

    As the reference says, `draw_face` and `open_face_id` are those of `onlyme.testing`, and
    `folder` is an empty folder.
    """
    from onlyme.testing import draw_face, open_face_id

    given = {"onlyme": onlyme, "draw_face": draw_face, "open_face_id": open_face_id}
    value = getattr(onlyme, name)  # loads its home, after those before it in the list
    home = next(module for module in map(sys.modules.get, HOMES) if module and name in vars(module))
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    names = vars(home) | given | {"folder": str(tmp_path / "vault")}
    for example in doctest.DocTestFinder().find(value, name, module=False, globs=names):
        assert runner.run(example).failed == 0


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(errors.__all__)))
def test_every_name_has_an_example(name):
    assert ">>> " in (getattr(onlyme, name).__doc__ or "")


def test_help_fits_on_two_screens():
    """In full it has 6,500 lines; what is not public is not on the first screen."""
    program = "import onlyme, pydoc; print(pydoc.render_doc(onlyme, renderer=pydoc.plaintext))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) <= 2 * SCREEN_LINES
    public = done.stdout.partition("PACKAGE CONTENTS")[0]  # then come modules that are not
    assert len(public.splitlines()) >= 30
    assert not re.search(r"\b_[a-z]", public)
    assert {name for name in NAMES if name not in errors.__all__} <= set(re.findall(r"\w+", public))


def test_all_names_are_listed_for_others():
    """Help is short, but completion and tools see all names."""
    assert set(NAMES) < set(dir(onlyme))
    assert set(NAMES) < {name for name, _ in inspect.getmembers(onlyme)}


def test_no_other_name():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = onlyme.nonsense


@pytest.mark.parametrize("name", errors.__all__)
def test_every_exception_is_an_onlyme_error(name):
    kind = getattr(errors, name)
    assert issubclass(kind, onlyme.OnlymeError)
    assert name in (errors.__doc__ or ""), "the tree in the docstring shows all of them"
    made = kind("photo.jpg", "it is broken") if kind is errors.ImageError else kind("words")
    assert str(pickle.loads(pickle.dumps(made))) == str(made)  # noqa: S301 - our own bytes


def test_import_onlyme_loads_nothing_heavy():
    assert not list_modules("import onlyme") & {"numpy", "cv2", "PIL", "typer", "sqlite3", "scipy"}


def test_the_way_to_a_decision_loads_only_what_it_needs(photos, tmp_path):
    """Verification is started anew at each login: seconds would be paid each time."""
    loaded = list_modules(
        "from onlyme import FaceID\n"
        f"with FaceID.open({str(tmp_path / 'vault')!r}) as face_id:\n"
        f"    face_id.enroll('x', {str(photos / 'obama_1.jpg')!r})\n"
        f"    face_id.verify('x', {str(photos / 'obama_2.jpg')!r})\n"
    )
    heavy = {"scipy", "rich", "torch", "onnx", "sqlalchemy", "pydantic", "typer", "multiprocessing"}
    assert not loaded & heavy
    assert {"numpy", "cv2", "PIL", "sqlite3"} <= loaded
