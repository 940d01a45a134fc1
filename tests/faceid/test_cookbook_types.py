"""The programs of the cookbook are typed: mypy and pyright, both strict, find nothing in them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import onlyme
from tests.faceid.test_cookbook import BLOCK, TASKS

SOURCE = Path(onlyme.__file__).parents[1]
PYRIGHT = shutil.which(
    "pyright", path=os.pathsep.join([f"{sys.prefix}/node/node_modules/.bin", os.environ["PATH"]])
)


@pytest.fixture
def programs(tmp_path):
    """A folder with one file for each program."""
    folder = tmp_path / "cookbook"
    folder.mkdir()
    for title, text in TASKS:
        for number, block in enumerate(BLOCK.findall(text), 1):
            (folder / f"task_{title.split('.')[0]}_{number}.py").write_text(block, "utf-8")
    return folder


def run(command, folder, **variables):
    return subprocess.run(
        command, cwd=folder, env=os.environ | variables,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


def test_mypy_finds_nothing_in_the_programs(programs, tmp_path):
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache"]
    # The code of onlyme itself is checked elsewhere; other libraries may have no types.
    command += ["--follow-imports", "silent", "--ignore-missing-imports", *programs.iterdir()]
    done = run(command, programs, MYPYPATH=str(SOURCE))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    PYRIGHT is None and "CI" not in os.environ, reason="pyright is not here: make test brings it"
)
def test_pyright_finds_nothing_in_the_programs(programs):
    assert PYRIGHT, "make test brings pyright"
    rules = {
        "typeCheckingMode": "strict",
        "extraPaths": [str(SOURCE)],
        # Other libraries may have no types.
        "reportMissingTypeStubs": False,
        "reportUnknownMemberType": False,
        "reportUnknownArgumentType": False,
    }
    (programs / "pyrightconfig.json").write_text(json.dumps(rules))
    done = run([PYRIGHT, "--pythonpath", sys.executable], programs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 errors" in done.stdout

    (programs / "wrong.py").write_text("import onlyme\nonlyme.FaceID.open().verify(1, 2, 3)\n")
    wrong = run([PYRIGHT, "--pythonpath", sys.executable], programs)
    assert "reportArgumentType" in wrong.stdout  # it does look at onlyme's types
