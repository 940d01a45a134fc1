"""Words are completed for the shell, also hostile ones, and nothing is asked for."""

import shutil
import subprocess
import sys

import pytest
import typer

from onlyme.cli import complete
from onlyme.cli.app import app
from onlyme.settings import Settings
from tests.commands import list_commands


def press_tab(onlyme, line, shell="bash", **more):
    """Return what is offered where the line ends."""
    words = line.split(" ")
    variables = {"_ONLYME_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line}
    variables |= {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    variables |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    program = "import sys; sys.argv = ['onlyme']; from onlyme.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=onlyme.environment(**(variables | more)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("command", ["forget", "verify", "tune", "certificate", "watch"])
def test_names_of_people(obama, shell, command):
    assert "obama" in press_tab(obama, f"onlyme {command} o", shell)
    assert "obama" not in press_tab(obama, f"onlyme {command} x", shell)


def test_presets_and_services(obama):
    assert "nist" in press_tab(obama, "onlyme tune obama --preset n")
    if shutil.which("sudo"):
        assert "sudo" in press_tab(obama, "onlyme unlock install su").split()


def test_a_vault_with_a_passphrase_is_not_asked_for(obama, tmp_path):
    sealed = {"ONLYME_KEY": "passphrase"}
    assert "obama" not in press_tab(obama, "onlyme forget o", **sealed)


@pytest.mark.parametrize(
    "name",
    ["$(reboot)", "`id`", "a b", "x;y", "'q'", '"q"', "*", "a\\b", "a|b", "<x>", "a&b", "(x)"],
)
def test_words_that_a_shell_could_take_for_a_command_are_not_offered(monkeypatch, name):
    monkeypatch.setattr(complete, "_list_people", lambda: [name, "ada"])
    assert complete.complete_person("") == ["ada"]
    assert complete.complete_person(name[:1]) in ([name[:1]], ["ada"])


def test_where_nothing_fits_no_file_is_offered(monkeypatch):
    """The shells offer files where a completion prints nothing."""
    monkeypatch.setattr(complete, "_list_people", list)
    assert complete.complete_person("/et") == ["/et"]
    assert complete.complete_person("") == []


NAMES = {"name", "names", "other", "new_name", "service", "services", "user", "camera", "preset"}
ELSEWHERE = ("import", "events", "lab")
"""Their names are those of files' contents, groups or models; `serve --name` is a host's."""


def test_no_file_is_offered_where_a_name_is_meant():
    checked = 0
    for path in list_commands():
        command = typer.main.get_command(app)
        for word in path.split():
            command = command.commands[word]
        for parameter in command.params:
            is_name = parameter.name in NAMES and "String" in type(parameter.type).__name__
            if is_name and path != "serve" and path.split()[0] not in ELSEWHERE:
                assert parameter._custom_shell_complete, (path, parameter.name)
                checked += 1
    assert checked > 20


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("onlyme merge obama o", "obama"),
        ("onlyme reset o", "obama"),
        ("onlyme serve token revoke /et", "/et"),
        ("onlyme serve token create t --scope v", "verify"),
        ("onlyme rekey --to k", "keyring"),
        ("onlyme unlock disable --for 2", "2h"),
        ("onlyme unlock setup --intent g", "gesture"),
        ("onlyme unlock key --to c", "credential"),
        ("onlyme rename obama /et", "/et"),
    ],
)
def test_words_that_are_known_are_offered(obama, shell, line, word):
    assert word in press_tab(obama, line, shell)


def test_every_setting_is_completed():
    found = complete.complete_setting("unlock_")
    assert set(found) == {name for name in Settings.__dataclass_fields__ if name[:7] == "unlock_"}
