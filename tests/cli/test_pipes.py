"""A pipe that nobody writes to is refused at once, in place of any file that a command reads."""

import os
import subprocess

import pytest
import typer

from onlyme.cli.app import app
from tests.cli.conftest import ONLYME

READ = {
    "enroll photo": ("enroll", "ada", "PIPE"),
    "enroll not_me": ("enroll", "ada", "PHOTO", "--not-me", "PIPE"),
    "enroll look_alike": ("enroll", "ada", "PHOTO", "--look-alike", "PIPE"),
    "enroll-folder folder": ("enroll-folder", "FOLDER"),
    "enroll-folder certificates": (
        *("enroll-folder", "FOLDER", "--scheduler", "tls://localhost:1"),
        *("--certificates", "CERTIFICATES"),
    ),
    "verify photo": ("verify", "obama", "PIPE"),
    "identify photo": ("identify", "PIPE"),
    "watch video": ("watch", "obama", "PIPE"),
    "watch mqtt_ca": (
        *("watch", "--everybody", "--camera", "PHOTO", "--liveness", "off"),
        *("--mqtt", "mqtts://localhost:1/x", "--mqtt-ca", "PIPE"),
    ),
    "compare one": ("compare", "PIPE", "PHOTO"),
    "compare other": ("compare", "PHOTO", "PIPE"),
    "detect photo": ("detect", "PIPE"),
    "not-me photo": ("not-me", "obama", "PIPE"),
    "evaluate folder": ("evaluate", "FOLDER"),
    "evaluate pairs": ("evaluate", "FOLDER", "--pairs", "PIPE"),
    "evaluate groups": ("evaluate", "FOLDER", "--groups", "PIPE"),
    "evaluate certificates": (
        *("evaluate", "FOLDER", "--scheduler", "tls://localhost:1"),
        *("--certificates", "CERTIFICATES"),
    ),
    "evaluate-liveness folder": ("evaluate-liveness", "FOLDER"),
    "restore file": ("restore", "PIPE"),
    "import file": ("import", "PIPE"),
}
"""Commands with a pipe in place of a file; FOLDER holds people, and pipes among their photos."""
ELSEWHERE = ("unlock ", "lab ", "models ", "serve ")
"""Families that need an account, a training, packages or a service; they read by the same parts."""
NOT_READ = {
    *("draw", "html", "report", "out", "record", "export", "reports"),  # written
    "cache",  # a folder
}


def list_readers(command=None, path=()):
    """Return each argument and option of a command that is a path, but those to write to."""
    command = command or typer.main.get_command(app)
    for one in command.params:
        if one.type.name == "path" and one.name not in NOT_READ:
            yield f"{' '.join(path)} {one.name}"
    for name, below in getattr(command, "commands", {}).items():
        yield from list_readers(below, (*path, name))


def test_no_command_is_left_out():
    written = {"export file", "backup file"}
    found = {one for one in list_readers() if not one.startswith(ELSEWHERE)}
    assert found - written == set(READ)


def run(shell, words, **more):
    """Run a command; a test fails here where it waits for the pipe."""
    return subprocess.run(
        [*ONLYME, *map(os.fspath, words)],
        env=shell.environment(**more),
        input="a good long passphrase\n",
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg", 0o600)
    return tmp_path / "pipe.jpg"


@pytest.fixture
def people(tmp_path, photos):
    for person, number in {"ada": 1, "bob": 2}.items():
        folder = tmp_path / "people" / person
        folder.mkdir(parents=True)
        (folder / "1.jpg").write_bytes((photos / f"obama_{number}.jpg").read_bytes())
        os.mkfifo(folder / "2.jpg", 0o600)
    return tmp_path / "people"


@pytest.mark.parametrize("reader", READ)
def test_a_pipe_is_not_waited_for(obama, photos, pipe, people, reader):
    given = {"PIPE": pipe, "PHOTO": photos / "obama_1.jpg", "FOLDER": people}
    given["CERTIFICATES"] = pipe.parent / "certificates"
    given["CERTIFICATES"].mkdir()
    for name in ("ca.pem", "caller.pem", "caller.key"):
        os.mkfifo(given["CERTIFICATES"] / name, 0o600)
    done = run(obama, [given.get(word, word) for word in READ[reader]])
    assert "Traceback" not in done.stderr
    if READ[reader][-1] != "FOLDER":
        assert done.returncode == 2
        assert "pipe" in done.stdout + done.stderr


@pytest.mark.parametrize("variable", ["ONLYME_CONFIG", "ONLYME_KEY_FILE"])
def test_a_pipe_for_the_settings_or_the_key_is_not_waited_for(obama, pipe, variable):
    done = run(obama, ["list"], **{variable: pipe})
    assert done.returncode == 2
    assert done.stderr.startswith("onlyme: ")
