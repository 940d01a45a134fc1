"""Links of the documentation lead somewhere, the navigation knows every page, and names exist."""

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from tests.test_style import RIDDLES

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
ALL_PAGES = [*PAGES, *sorted(ROOT.glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
CODE = re.compile(r"`([^`\n]+)`")
each_page = pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
HISTORY = {"CHANGELOG.md"}
"""Pages that also name what is gone."""


@each_page
def test_every_link_leads_somewhere(page):
    targets = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    missing = [link for link in targets if not (page.parent / link).exists()]
    assert not missing


def test_the_navigation_knows_every_page():
    listed = set(re.findall(r"^ +- .*?:\s*(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    assert listed == {page.relative_to(ROOT / "docs").as_posix() for page in PAGES}


def test_nothing_is_loaded_from_outside():
    for page in PAGES:
        text = page.read_text("utf-8")
        assert not re.search(r"!\[[^\]]*\]\(https?:|<(?:script|link|img|iframe)\b", text), page


def test_the_animated_picture_is_small_moves_and_says_in_each_frame_that_it_is_simulated():
    """The band with those words is at the foot of every frame, the same in all."""
    from PIL import Image, ImageChops, ImageSequence

    path = ROOT / "docs/pictures/story.webp"
    assert path.stat().st_size <= 2_000_000
    with Image.open(path) as picture:
        frames = [frame.convert("L") for frame in ImageSequence.Iterator(picture)]
    assert len(frames) >= 10
    width, height = frames[0].size
    bands = [frame.crop((0, height - 28, width, height)) for frame in frames]
    assert min(band.getextrema()[1] for band in bands) > 180, "bright words"
    assert max(ImageChops.difference(bands[0], band).getextrema()[1] for band in bands) < 60
    above = [frame.crop((0, 0, width, height - 30)) for frame in frames]
    assert ImageChops.difference(above[0], above[-1]).getextrema()[1] > 100


# ------------------------------------------------------------------ names in code


def read_code(page):
    """The words between backticks."""
    return CODE.findall(page.read_text("utf-8")) if page.name not in HISTORY else []


PATH = re.compile(r"(?:src|tests|benchmarks|tools|docs|examples)/[\w./*-]*\w")


@each_page
def test_every_path_exists(page):
    paths = {path for code in read_code(page) for path in PATH.findall(code)}
    assert not [path for path in paths if not any(ROOT.glob(path))]


MEDIA_TYPES = {"image/jpeg", "image/png"}
SYSTEMD = {"onlyme.service", "onlyme.socket", "onlyme.sock"}
ROOMS = {path.name for path in (ROOT / "src/onlyme").iterdir() if path.is_dir()}


@each_page
def test_every_module_of_a_room_exists(page):
    """A page may leave `src/onlyme/` out: `face/subject.py`, `gallery/`, `siamese/certificate`."""
    named = {code for code in read_code(page) if re.fullmatch(r"[a-z_]+(?:/[\w.-]*)+", code)}
    named -= MEDIA_TYPES
    inside = [ROOT / "src/onlyme" / name for name in named if name.split("/")[0] in ROOMS]
    modules = [path for path in inside if path.with_suffix(".py").exists() or path.exists()]
    assert inside == modules


@cache
def list_tests():
    """The names of the test functions in each file under `tests/`."""
    found = {}
    for path in (ROOT / "tests").rglob("*.py"):
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        tree = ast.walk(ast.parse(path.read_text("utf-8")))
        names = {node.name for node in tree if isinstance(node, functions)}
        found[path.relative_to(ROOT).as_posix()] = names
    return found


@each_page
def test_every_test_exists(page):
    every_name = set().union(*list_tests().values())
    missing = []
    for code in read_code(page):
        for file, name in re.findall(r"(tests/[\w/]+\.py)::(\w+)", code):
            missing += [code] if name not in list_tests().get(file, ()) else []
        if re.fullmatch(r"test_\w+", code) and code not in every_name:
            missing.append(code)
    assert not missing


@each_page
def test_every_dotted_name_exists(page):
    text = page.read_text("utf-8") if page.name not in HISTORY else ""
    code = [*CODE.findall(text), *re.findall(r"^::: (\S+)", text, re.M)]
    names = {name for words in code for name in re.findall(r"\bonlyme(?:\.[A-Za-z_]\w*)+", words)}
    assert not [name for name in names - SYSTEMD if not resolves(name)]


def resolves(name):
    """Whether a dotted name is a module, or an attribute of one, or of its class."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            value = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(value, part):
                return part in getattr(value, "__annotations__", {})
            value = getattr(value, part)
        return True
    return False


@each_page
def test_every_method_of_face_id_exists(page):
    from onlyme import FaceID

    methods = {name for code in read_code(page) for name in re.findall(r"\bFaceID\.(\w+)", code)}
    assert not [name for name in methods if not hasattr(FaceID, name)]


@each_page
def test_the_page_is_in_plain_words(page):
    text = page.read_text("utf-8")
    if page.name == "CONTRIBUTING.md":  # quotes the words that it advises against
        text = re.sub(r"“[^”]*”", "", text)
    assert not RIDDLES.findall(text), "say who, what or how many instead"
