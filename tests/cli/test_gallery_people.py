"""Every command that takes a person's name serves people of the gallery, or says what does."""

import subprocess

import pytest
import typer

from onlyme.cli.app import app
from tests.cli.conftest import ONLYME

WORDS = {
    "enroll": ("{photo}",),
    "forget": ("--yes",),
    "rename": ("joseph",),
    "merge": ("obama", "--yes"),
    "examples": ("--remove", "1", "--yes"),
    "verify": ("{photo}",),
    "watch": ("{photo}", "--liveness", "off"),
    "tune": ("--far", "1e-5"),
    "certificate": (),
    "not-me": ("{photo}",),
    "spoof-me": (),
    "adapt": ("--on",),
    "reset": (),
    "revoke": (),
    "export": ("{out}",),
}
"""What each command needs besides the name. A new command belongs here."""
OTHER_NAMES = {"lab calibrate", "lab export", "lab quantize", "serve token create"} | {
    "serve token revoke",
    "unlock config set",
}
"""Commands whose NAME is that of a network, a token or a setting."""


def list_commands(command=None, path=()):
    command = command or typer.main.get_command(app)
    words = [one.name for one in command.params if one.param_type_name == "argument"]
    if words[:1] in (["name"], ["names"]):
        yield " ".join(path)
    for name, below in getattr(command, "commands", {}).items():
        yield from list_commands(below, (*path, name))


def test_no_command_is_left_out():
    assert set(list_commands()) - OTHER_NAMES == set(WORDS)


@pytest.fixture
def joe(obama, photos, tmp_path):
    """The command line with obama in the vault and joe in the gallery."""
    (tmp_path / "people").mkdir()
    (tmp_path / "people/joe.jpg").write_bytes((photos / "biden_1.jpg").read_bytes())
    assert obama("enroll-folder", tmp_path / "people", "--flat").returncode == 0
    return obama


def run(shell, *words):
    command = [*ONLYME, *map(str, words)]
    return subprocess.run(
        command,
        env=shell.environment(ONLYME_PASSPHRASE=""),
        input="a good long passphrase\n" * 2 if words[0] == "export" else "s\n" * 20,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("command", WORDS)
def test_every_command_knows_people_of_the_gallery(joe, photos, tmp_path, command):
    given = {"photo": photos / "biden_1.jpg", "out": tmp_path / "joe.export"}
    words = [word.format(**given) for word in WORDS[command]]
    done = run(joe, command, "joe", *words)
    said = " ".join((done.stdout + done.stderr).split())
    assert "no person called" not in said
    assert "Traceback" not in said
    if done.returncode == 2:
        assert "in the gallery" in said
        assert "`onlyme " in said


@pytest.mark.parametrize("command", WORDS)
def test_every_command_says_that_a_name_is_unknown(joe, photos, tmp_path, command):
    if command == "enroll":
        return  # it makes one
    given = {"photo": photos / "biden_1.jpg", "out": tmp_path / "joe.export"}
    done = run(joe, command, "jo", *[word.format(**given) for word in WORDS[command]])
    assert done.returncode == 2, done.stdout
    assert "no person called 'jo'" in " ".join(done.stderr.split())


def test_an_owner_who_is_enrolled_in_the_gallery_again_is_noticed(obama, photos, tmp_path):
    """Under another name: `identify` would call each picture of the person ambiguous."""
    for name, photo in {"barack": "obama_3.jpg", "joe": "biden_1.jpg"}.items():
        (tmp_path / "people" / name).mkdir(parents=True)
        (tmp_path / "people" / name / "1.jpg").write_bytes((photos / photo).read_bytes())
    done = obama("enroll-folder", tmp_path / "people")
    assert done.returncode == 0, done.stderr
    assert "perhaps enrolled twice: 1" in done.stdout
    assert "barack and obama" in done.stdout


def test_an_owner_who_is_imported_again_is_noticed(obama, tmp_path):
    typed = "a good long passphrase\n" * 2
    words = {"encoding": "utf-8", "env": obama.environment(), "timeout": 120, "check": False}
    file = str(tmp_path / "obama.export")

    def run_with_passphrase(*more):
        command = [*ONLYME, *more]
        return subprocess.run(command, input=typed, capture_output=True, **words)

    assert run_with_passphrase("export", "obama", file).returncode == 0
    done = run_with_passphrase("import", file, "--name", "barack")
    assert done.returncode == 2
    assert "these photos show obama" in done.stderr
    assert run_with_passphrase("import", file, "--name", "barack", "--anyway").returncode == 0
