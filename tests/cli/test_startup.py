"""Commands are loaded when they are called, and import only what they need."""

import json
import subprocess
import sys

import pytest

from onlyme.cli.app import COMMANDS, load_family
from tests.processes import drop_coverage

LIST_MODULES = """
import json, sys
from onlyme.cli.main import main
try:
    main()
except SystemExit as end:
    print(json.dumps([end.code, *sys.modules]), file=sys.stderr)
"""
SLOW = {"cv2", "PIL", "scipy", "rich", "pydantic", "sqlalchemy", "fastapi", "openvino", "torch"}


def modules_of(shell, *words):
    """Run a command in a process of its own; return its exit code and the modules it imported."""
    command = [sys.executable, "-c", LIST_MODULES, *words]
    done = subprocess.run(
        command, env=drop_coverage(shell.environment()), capture_output=True, text=True, check=True
    )
    code, *modules = json.loads(done.stderr.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize("words", [("list",), ("status",), ("audit",)], ids=" ".join)
def test_commands_without_pictures_import_nothing_that_sees(obama, words):
    code, modules = modules_of(obama, *words)
    assert code == 0
    assert not modules & SLOW
    assert "onlyme.cli.evaluate" not in modules
    assert "onlyme.face.pipeline" not in modules


def test_the_version_needs_no_command(onlyme):
    code, modules = modules_of(onlyme, "--version")
    assert code == 0
    assert not modules & (SLOW | {"numpy", "sqlite3", "onlyme.cli.options"})


def test_the_help_needs_no_vault_and_no_network(onlyme):
    code, modules = modules_of(onlyme, "--help")
    assert code == 0
    assert not modules & (SLOW - {"rich"} | {"sqlite3", "cryptography"})  # rich draws the frames
    assert "rich.progress" not in modules


@pytest.mark.parametrize("module", sorted(set(COMMANDS.values())))
def test_a_module_registers_the_commands_that_the_table_names(module):
    assert set(load_family(module)) == {name for name, home in COMMANDS.items() if home == module}


def test_the_shell_completes_every_command(onlyme):
    asked = {"_ONLYME_COMPLETE": "complete_bash", "COMP_WORDS": "onlyme ", "COMP_CWORD": "1"}
    code = "import sys; sys.argv = ['onlyme']; from onlyme.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=onlyme.environment(**asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == list(COMMANDS)


def test_a_mistyped_command_is_guessed(onlyme):
    done = onlyme("lst")
    assert done.returncode == 2
    assert "Did you mean `onlyme list`?" in " ".join(done.stderr.split())
