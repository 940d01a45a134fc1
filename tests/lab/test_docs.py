"""The tutorial runs from top to bottom, and the tool draws the figures of the explanation."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorials" / "lab.md"
EXPLANATION = ROOT / "docs" / "explanation"


def test_the_tutorial_runs_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", TUTORIAL.read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 12
    names = {"__name__": "tutorial"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"lab.md, block {number}", "exec"), names)  # noqa: S102 - our own page
    assert (tmp_path / "report" / "report.html").exists()


def test_the_notebook_runs_top_to_bottom_and_carries_no_output(tmp_path, monkeypatch, capsys):
    """As Jupyter runs it: one cell after the other, with the same names."""
    monkeypatch.chdir(tmp_path)
    notebook = json.loads(TUTORIAL.with_suffix(".ipynb").read_text("utf-8"))
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["name"]) == (4, "python3")
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    names = {"__name__": "notebook"}
    for number, cell in enumerate(cells, 1):
        source = "".join(cell["source"])
        exec(compile(source, f"lab.ipynb, cell {number}", "exec"), names)  # noqa: S102 - our own page
    said = capsys.readouterr().out
    assert "zero loss" in said
    assert "alpha -0.6: 0 of 3 refused" in said
    assert names["done"].path.is_file()
    assert "<svg" in names["Chart"]()._repr_html_()
    assert "lab.ipynb" in TUTORIAL.read_text("utf-8")


def test_the_tutorials_commands_are_commands_with_these_options():
    from typer.main import get_command

    from onlyme.cli.lab.commands import app

    commands = get_command(app).commands
    lines = re.findall(r"^onlyme lab (\S+)(.*)$", TUTORIAL.read_text("utf-8"), re.MULTILINE)
    assert len(lines) >= 5
    for name, rest in lines:
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, name


@pytest.fixture(scope="module")
def drawn_figures(tmp_path_factory, environment):
    folder = tmp_path_factory.mktemp("figures")
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "draw_siamese.py", folder],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", ["triplet", "cost", "alpha", "growth"])
def test_the_figures_are_those_that_the_tool_draws(name, drawn_figures):
    assert f"siamese-{name}.svg" in (EXPLANATION / "siamese.md").read_text("utf-8")
    drawn = (drawn_figures / f"siamese-{name}.svg").read_text("utf-8")
    assert drawn == (EXPLANATION / f"siamese-{name}.svg").read_text("utf-8")
