"""Nothing lies in the page that it does not use: messages, styles, icons, functions."""

import ast
import re
from http import HTTPStatus
from pathlib import Path

import onlyme
from onlyme.serve.app import PAGE
from tests.serve.page.catalogue import read_german, read_sources

CODE = "\n".join(read_sources().values())
STYLE = re.sub(
    r"/\*.*?\*/", "", "".join(p.read_text("utf-8") for p in PAGE.glob("*.css")), flags=re.S
)
SELECTORS = re.sub(r"\{[^{}]*\}", "{}", STYLE)
ICONS = (PAGE / "icons.svg").read_text("utf-8")


def test_every_style_is_used():
    names = set(re.findall(r"[.#]([a-zA-Z][\w-]*)", SELECTORS))
    assert len(names) > 100
    unused = [one for one in names if not re.search(rf"(?<![\w-]){one}(?![\w-])", CODE)]
    assert not unused


def test_every_colour_and_icon_is_used():
    names = set(re.findall(r"(--[\w-]+)\s*:", STYLE))
    assert not [one for one in names if f"var({one}" not in STYLE + CODE]
    icons = re.findall(r'<symbol id="icon-([\w-]+)"', ICONS)
    assert len(icons) > 20
    assert not [one for one in icons if not re.search(rf'"{one}"|#icon-{one}\b', CODE)]


def test_every_export_is_imported():
    sources = read_sources()
    exported = re.compile(r"^export (?:async )?(?:function|class|const) (\w+)", re.MULTILINE)
    views = {"title", "lead", "render"}  # which app.js asks of each view
    for file, text in sources.items():
        others = "".join(other for name, other in sources.items() if name != file)
        unused = [one for one in exported.findall(text) if not re.search(rf"\b{one}\b", others)]
        assert set(unused) <= views, file


def test_every_german_message_is_said():
    """By the page or by the service, whole or with words that are put in."""
    said, patterns = {status.phrase for status in HTTPStatus}, []
    for path in Path(onlyme.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.update(node.value.splitlines())
            elif isinstance(node, ast.JoinedStr):
                patterns.append(make_pattern(node))
    unsaid = [one for one in read_german() if one not in said and f'"{one}"' not in CODE]
    patterns = [re.compile(one) for one in patterns if re.search(r"\w{4}\\ \w", one)]
    unsaid = [one for one in unsaid if not any(each.fullmatch(one) for each in patterns)]
    assert not [one for one in unsaid if f">{one}<" not in CODE]


def make_pattern(node):
    """Return what matches the texts that an f-string can make."""
    parts = (re.escape(one.value) if isinstance(one, ast.Constant) else ".+" for one in node.values)
    return "".join(parts)
