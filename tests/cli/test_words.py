"""Words that people type are understood, questions are asked once, and lines fit the terminal."""

import json
import os
import pty
import select
import subprocess
import time

import pytest

from onlyme.cli.app import COMMANDS
from onlyme.settings import Settings
from tests.cli.conftest import ONLYME, refused


def on_terminal(shell, *words, keys="", columns=80):
    """Run a command on a terminal, type keys when it asks; return its code and what is seen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*ONLYME, *map(os.fspath, words)],
        env=shell.environment(COLUMNS=columns),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen, end = "", time.monotonic() + 120
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                seen += os.read(ours, 4096).decode(errors="replace")
            except OSError:
                break
        if keys and "[y/N]" in seen:
            os.write(ours, keys.encode())
            keys = ""
    os.close(ours)
    return process.wait(30), seen


# ------------------------------------------------------------------------- help


@pytest.mark.parametrize("word", ["delete", "remove", "rm"])
def test_other_words_for_forget(obama, word):
    assert obama(word, "obama").stdout == "obama is forgotten\n"
    assert json.loads(obama("ls", "--json").stdout) == []


@pytest.mark.parametrize(
    "words", [("help",), ("help", "forget"), ("unlock", "help"), ("store", "help")]
)
def test_help_is_a_command(onlyme, words):
    done = onlyme(*words)
    assert done.returncode == 0
    assert "Usage:" in done.stdout


def test_the_help_is_grouped_and_complete(onlyme):
    said = onlyme("--help").stdout
    assert "─ Commands ─" not in said, "a command has no heading"
    assert said.count("╭─") >= 5
    for name in COMMANDS:
        assert f" {name} " in said


# -------------------------------------------------------------------- questions


@pytest.mark.parametrize(
    "words", [("forget", "obama"), ("enroll", "obama", "PHOTO", "--replace")], ids=lambda w: w[0]
)
def test_what_erases_asks_on_a_terminal(obama, photos, words):
    given = [photos / "obama_1.jpg" if word == "PHOTO" else word for word in words]
    code, seen = on_terminal(obama, *given, keys="n\n")
    assert code == 2
    assert "nothing was changed" in seen
    assert len(json.loads(obama("list", "--json").stdout)) == 1
    code, seen = on_terminal(obama, *given, "--yes")
    assert code == 0, seen
    assert "[y/N]" not in seen


def test_an_alpha_below_any_promise_is_asked_for_twice(obama):
    for alpha in ("-1", "-2"):
        assert "--yes" in refused(obama("tune", "obama", "--alpha", alpha))
    assert obama("tune", "obama", "--alpha", "0.1").returncode == 0
    done = obama("tune", "obama", "--alpha", "-1", "--yes")
    assert "almost every stranger passes" in done.stdout


# ------------------------------------------------------------------------ words


@pytest.mark.parametrize("columns", [60, 100])
def test_lines_fit_the_terminal_and_break_between_words(obama, columns):
    wide = obama("certificate", "obama", COLUMNS=500).stdout.split()
    said = obama("certificate", "obama", COLUMNS=columns).stdout
    assert max(map(len, said.splitlines())) <= columns
    assert said.split() == wide, "a word was broken"
    tuned = obama("tune", "obama", COLUMNS=columns).stdout
    rows = [line for line in tuned.splitlines() if line.startswith(("ME ", "NOT_ME "))]
    assert len(rows) == 2
    assert all(row.endswith("|") and len(row) <= columns for row in rows)


def test_a_photo_that_cannot_be_used_is_told_once(onlyme, tmp_path):
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    done = onlyme("enroll", "ada", tmp_path / "no.jpg")
    assert done.returncode == 2
    assert done.stderr.count("no.jpg") == 1


def test_a_backup_says_which_files_belong_to_it(obama, photos, tmp_path):
    assert "gallery" not in obama("backup").stderr
    people = tmp_path / "people" / "biden"
    people.mkdir(parents=True)
    (people / "1.jpg").write_bytes((photos / "biden_1.jpg").read_bytes())
    assert obama("enroll-folder", tmp_path / "people").returncode == 0
    assert ".gallery belongs to it" in obama("backup").stderr


def test_rekey_says_what_becomes_of_older_backups(obama):
    assert "old key" in obama("rekey").stderr


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_address_of_postgresql(scheme):
    store = Settings.load(store=f"{scheme}://user@host/database").store
    assert store == "postgresql+psycopg://user@host/database"
