"""Links of the documentation lead somewhere, and the navigation knows every page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


@pytest.mark.parametrize(
    "page", [*PAGES, *sorted(ROOT.glob("*.md"))], ids=lambda page: str(page.relative_to(ROOT))
)
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
