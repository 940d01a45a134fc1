"""Extras are read from the package's metadata, and each is said to be there or not."""

import re
import shlex
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from onlyme.cli import doctor, extras
from onlyme.errors import UsageError, explain_extra

PROJECT = Path(__file__).resolve().parents[2]
PYPROJECT = PROJECT / "pyproject.toml"
REQUIREMENTS = [
    "numpy>=2",
    'psycopg[binary]>=3.2; extra == "postgres"',
    "sqlalchemy>=2.0 ; python_version > '3.10' and extra == 'postgres'",
    'openvino>=2026.0; extra == "fast"',
    'mypy>=1.14; extra == "dev"',
]


@pytest.fixture
def metadata(monkeypatch):
    """Pretend that onlyme has three requirements, of which psycopg is installed."""

    def distribution(name):
        if name not in {"onlyme", "psycopg"}:
            raise PackageNotFoundError(name)
        return SimpleNamespace(requires=REQUIREMENTS)

    monkeypatch.setattr(extras, "distribution", distribution)


def test_the_packages_of_each_extra(metadata):
    assert extras.list_extras() == {"fast": ("openvino",), "postgres": ("psycopg", "sqlalchemy")}
    assert extras.find_missing("postgres") == ("sqlalchemy",)
    assert extras.find_missing("dev") == ()


def test_a_part_without_its_packages_does_not_start(metadata):
    with pytest.raises(UsageError, match=r"needs sqlalchemy; .*-m pip install"):
        extras.require_extra("postgres", "the gallery")
    extras.require_extra("dev", "nothing")


def test_doctor_reports_each_extra(metadata):
    fast, postgres = doctor.examine_extras()
    assert (fast.part, fast.state, fast.advice) == (
        "extra fast", "missing", explain_extra("fast"),
    )  # fmt: skip
    assert "sqlalchemy not installed" in postgres.detail


def test_sources_that_are_not_installed_have_no_extras(monkeypatch):
    def distribution(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(extras, "distribution", distribution)
    (finding,) = doctor.examine_extras()
    assert finding.state == "missing"


def test_every_extra_for_users_has_a_purpose():
    project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    assert set(extras.EXTRAS) == set(project["optional-dependencies"]) - {"dev", "docs"}


def test_an_extra_is_installed_by_its_packages_and_never_by_our_name(monkeypatch):
    """A root who installs a bare name would run the code of whoever registers it first."""
    monkeypatch.setattr("importlib.metadata.requires", lambda _: REQUIREMENTS)
    command = explain_extra("postgres")
    assert shlex.split(command) == [
        sys.executable, "-m", "pip", "install", "psycopg[binary]>=3.2", "sqlalchemy>=2.0",
    ]  # fmt: skip
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "from its wheel" in explain_extra("postgres")


BARE_NAME = re.compile(r"""\binstall\b[^\n|;&]*[\s'"]onlyme(?:\[[\w,{}]*\])?(?![\w./\-*])""")
"""A command that installs whatever a registry has under our name."""


@pytest.mark.parametrize(
    ("text", "is_bare"),
    [
        ("pip install onlyme", True),
        ("/opt/onlyme/bin/pip install 'onlyme[unlock]'", True),
        ('pipx install "onlyme"', True),
        ("uv pip install --upgrade onlyme[serve,fast]", True),
        ("pip install './onlyme-0.1.0-py3-none-any.whl[serve]'", False),
        ("pip install onlyme-0.1.0-py3-none-any.whl", False),
        ("sudo onlyme unlock install login", False),
        ("apt install ./onlyme_0.1.0-1_amd64.deb", False),
    ],
)
def test_what_a_bare_name_is(text, is_bare):
    found = any(
        re.search(r"\b(?:pip|pipx|uv)\b.*", text) and BARE_NAME.search(line)
        for line in text.splitlines()
    )
    assert bool(found) is is_bare


def test_no_page_and_no_message_tells_to_install_the_bare_name():
    files = [
        path
        for suffix in ("md", "py", "toml", "html", "js")
        for path in PROJECT.rglob(f"*.{suffix}")
    ]
    skipped = {".git", ".venv", "site", "node_modules", "demo-out"}
    bad = [
        f"{path}:{number}: {line.strip()}"
        for path in files
        if not skipped & set(path.relative_to(PROJECT).parts) and path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(r"\b(?:pip|pipx|uv)\b", line) and BARE_NAME.search(line)
    ]
    assert bad == []
