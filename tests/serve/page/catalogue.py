"""Read from the page's source which messages it says, and from de.js which it says in German."""

import re

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
