"""Extras are read from the package's metadata, and each is said to be there or not."""

import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from onlyme.cli import doctor, extras
from onlyme.errors import UsageError

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
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
    with pytest.raises(UsageError, match=r"needs sqlalchemy; .* pip install 'onlyme\[postgres\]'"):
        extras.require_extra("postgres", "the gallery")
    extras.require_extra("dev", "nothing")


def test_doctor_reports_each_extra(metadata):
    fast, postgres = doctor.examine_extras()
    assert (fast.part, fast.state, fast.advice) == (
        "extra fast", "missing", "pip install 'onlyme[fast]'",
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
    assert set(extras.EXTRAS) == set(project["optional-dependencies"]) - {"dev", "docs", "models"}
