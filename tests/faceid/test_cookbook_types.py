"""The programs of the cookbook are typed: mypy --strict finds nothing in them."""

import os
import subprocess
import sys
from pathlib import Path

import onlyme
from tests.faceid.test_cookbook import BLOCK, TASKS


def test_mypy_finds_nothing_in_the_programs(tmp_path):
    folder = tmp_path / "cookbook"
    folder.mkdir()
    for title, text in TASKS:
        for number, block in enumerate(BLOCK.findall(text), 1):
            (folder / f"task_{title.split('.')[0]}_{number}.py").write_text(block, "utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache"]
    # The code of onlyme itself is checked elsewhere; other libraries may have no types.
    command += ["--follow-imports", "silent", "--ignore-missing-imports", *folder.iterdir()]
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"MYPYPATH": str(Path(onlyme.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
