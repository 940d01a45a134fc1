"""Read from the page's source which messages it says, and from de.js which it says in German."""

import ast
import re
from pathlib import Path

import onlyme
from onlyme.serve.app import PAGE

_TEXT = r'"((?:[^"\\]|\\.)*)"'
_CALLS = (
    rf"\bt\(\s*{_TEXT}",
    rf"\btn\([^,]+,\s*{_TEXT}",
    rf"\btn\([^,]+,\s*{_TEXT}\s*,\s*{_TEXT}",
    rf"^export const (?:title|lead) = {_TEXT}",
    rf"^\s+(?:title|lead): {_TEXT}",
    r'data-t(?:-label|-title)?="([^"]*)"',
)
"""Where a message stands: in calls, titles and the page's own HTML."""

_TABLES = (
    *("REASONS", "HINTS", "EVENTS", "OUTSIDE", "MEANINGS", "SCOPES", "LIFETIMES", "WORDS"),
    "STATES",
)
"""Constants whose texts are said later, by their key."""


GERMAN = {"de.js", "de-sentences.js"}

_ICONS = {"check", "warn", "cross"}


def read_sources():
    files = [*PAGE.glob("*.js"), *PAGE.glob("views/*.js"), PAGE / "index.html"]
    return {path.name: path.read_text("utf-8") for path in files if path.name not in GERMAN}


def find_messages():
    """Return every message in English."""
    found = set()
    for text in read_sources().values():
        for pattern in _CALLS:
            for groups in re.findall(pattern, text, re.MULTILINE):
                found |= {groups} if isinstance(groups, str) else set(groups)
        for table in re.findall(rf"const (?:{'|'.join(_TABLES)}) = \{{(.*?)\}};", text, re.DOTALL):
            found |= set(re.findall(rf"[:\[,]\s*{_TEXT}", table)) - _ICONS
    return {one for one in found if one}


def read_german():
    """Return the catalogue of de.js: German by English."""
    text = (PAGE / "de.js").read_text("utf-8")
    return dict(re.findall(rf"^  {_TEXT}:\s*{_TEXT},$", text, re.MULTILINE))


_SAID = {"ProblemError": 2, "ImageError": 1, "leave": 0} | dict.fromkeys(
    ("UsageError", "NoSuchGroup", "UnknownOwner", "EnrollmentError", "OwnerExists", "append"), 0
)
"""The argument of a call that the page shows: of errors, of others the service says only their
kind, and of lists of advice."""

_PLACES = (
    *("serve", "types/names.py", "enrollment", "image/decode.py", "image/headers.py"),
    *(f"faceid/{one}.py" for one in ("enrolled", "events", "learn", "own_face", "people")),
)
"""What answers the page: rooms and modules."""

_NOT_OF_THE_PAGE = ("serve/compreface", "serve/client", "serve/routes/docs.py")


_OF_ARRAYS = (
    "  … and 77 more",
    *("its ", "is 7, 7; expected", "is 7×7 pixels; 7", "is not a picture; give a path"),
    *("is an open file", "is not an array of NumPy"),
)
"""How sentences begin that are said of arrays and files, which no page sends, and of long lists."""

_NAMED = {"rule"}
"""Variables that hold the beginning of a sentence."""


def find_service_sentences():
    """Return what the service may answer the page, from its code; each number or name is a 7."""
    root, found = Path(onlyme.__file__).parent, set()
    for place in _PLACES:
        for path in [root / place, *(root / place).rglob("*.py")]:
            if path.suffix == ".py" and not str(path.relative_to(root)).startswith(
                _NOT_OF_THE_PAGE
            ):
                found |= _read_sentences(ast.parse(path.read_text("utf-8")))
    return found


def _read_sentences(module):
    nodes = list(ast.walk(module))
    words = {
        one.targets[0].id: one.value
        for one in nodes
        if isinstance(one, ast.Assign) and getattr(one.targets[0], "id", "") in _NAMED
    }
    found = set()
    for one in nodes:
        name = isinstance(one, ast.Call) and getattr(one.func, "id", getattr(one.func, "attr", ""))
        place = _SAID.get(name)
        if place is not None and len(one.args) > place:
            found.add(_fill(one.args[place], words))
    return {one for one in found if one.count(" ") > 1 and not one.startswith(_OF_ARRAYS)}


def _fill(node, words):
    """Return a text of the code with a 7 for each of its values."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_fill(one, words) for one in node.values)
    if isinstance(node, ast.FormattedValue):
        return _fill(node.value, words)
    if isinstance(node, ast.IfExp):
        return _fill(node.body, words)
    if isinstance(node, ast.BinOp):
        return _fill(node.left, words) + _fill(node.right, words)
    named = words.get(getattr(node, "id", ""))
    return "7" if named is None else _fill(named, words)
