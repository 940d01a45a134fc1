"""Files of the folder in which onlyme is started are never run.

`python -c` and `python -m` look there first for each module that they import. In a folder of
downloads a file `json.py` would run with the rights of the user, and with root's for the daemon.
"""

import ast
import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import onlyme
from tests.cli.conftest import surroundings
from tests.processes import drop_coverage

SOURCE = Path(onlyme.__file__).parent
PLANTED = """
import os
with open({log!r}, "a") as log:
    log.write(__name__ + "\\n")
"""
MAIN = "import sys\nfrom onlyme.cli.main import main\nmain()\n"


@pytest.fixture
def trap(tmp_path):
    """A folder with a file for each module that Python or onlyme may ask for, and its log."""
    folder, log = tmp_path / "downloads", tmp_path / "log"
    folder.mkdir()
    for name in (
        sys.stdlib_module_names | {"sitecustomize", "usercustomize"} | set(packages_distributions())
    ):
        if name.isidentifier():
            (folder / f"{name}.py").write_text(PLANTED.format(log=str(log)))
    log.write_text("")
    return folder, log


@pytest.fixture
def people(photos, tmp_path):
    """A folder of people, each with a folder of photos."""
    for who in ("obama", "biden"):
        (tmp_path / "people" / who).mkdir(parents=True)
        for photo in photos.glob(f"{who}_*.jpg"):
            (tmp_path / "people" / who / photo.name).write_bytes(photo.read_bytes())
    return tmp_path / "people"


def run(folder, tmp_path, code, *words, **more):
    """Run a program in a folder as an installed command runs: without the folder on its path."""
    (tmp_path / "bin").mkdir(exist_ok=True)
    program = tmp_path / "bin" / "program"
    program.write_text(code)
    vault = tmp_path / "vault"
    environment = drop_coverage(surroundings(tmp_path, ONLYME_VAULT=vault, **more))
    return subprocess.run(
            [sys.executable, program, *map(os.fspath, words)],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip


def test_the_trap_works(trap, tmp_path):
    """A positive control: what is started as Python starts it runs the file."""
    folder, log = trap
    run(
        folder,
        tmp_path,
        "import sys, subprocess\nsubprocess.run([sys.executable, '-c', 'import json'])",
    )
    assert "json" in log.read_text().split()


COMMANDS = {
    "the trial of an engine": ("doctor",),
    "workers": ("enroll-folder", "{people}", "--workers", "2"),
}


@pytest.mark.parametrize("what", COMMANDS)
def test_commands_run_nothing_of_the_current_folder(trap, people, tmp_path, what):
    folder, log = trap
    done = run(folder, tmp_path, MAIN, *(word.format(people=people) for word in COMMANDS[what]))
    assert log.read_text() == "", done.stderr
    assert done.returncode == 0, done.stdout + done.stderr


STARTS = ("-c", "-m")
SPARED = ("-P", "-I")


def test_no_python_is_started_that_looks_there():
    """Each place in the source that starts Python says so; what multiprocessing starts too."""
    found, spawning = {}, []
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        if "sys.executable" in ast.unparse(tree):
            words = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
            if words & {*STARTS}:
                found[path.relative_to(SOURCE).as_posix()] = bool(words & {*SPARED})
        if "get_context('spawn')" in ast.unparse(tree):
            spawning.append(path)
    assert len(found) >= 5
    del found["errors.py"]  # a command for the user to type, which installs packages
    assert all(found.values()), found
    assert len(spawning) >= 2
    for path in spawning:
        assert path.read_text().count(".start()") == path.read_text().count(
            "leave_current_folder_out():"
        ) + path.read_text().count("Thread(")
