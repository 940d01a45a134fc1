"""The documentation's site is built without a warning, where its tools are installed."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"<pre\b.*?</pre>", re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if not find_spec("mkdocs") or not find_spec("mkdocstrings"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the extra `docs` is not installed")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_example_of_the_reference_is_code(site):
    """Elsewhere a list in its output would be taken for a link."""
    page = (site / "reference/api.html").read_text("utf-8")
    assert len(CODE.findall(page)) > 30
    assert "&gt;&gt;&gt;" not in CODE.sub("", page)


def test_the_site_can_be_read_from_a_folder(site):
    """Without a server: every link names a file, and nothing is loaded from elsewhere."""
    page = (site / "index.html").read_text("utf-8")
    links = re.findall(r'<(?:link|script|img)\b[^>]*(?:href|src)="([^"]+)"', page)
    local = [link.partition("?")[0] for link in links if not link.startswith("data:")]
    assert local
    for link in local:
        assert (site / link).is_file(), link
    assert (site / "assets/folder.js").is_file()
    assert "md-footer__link--next" in page
    assert '"slate"' in page
