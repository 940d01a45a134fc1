"""Words that people type are understood, questions are asked once, and lines fit the terminal."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest

from onlyme.cli.app import COMMANDS
from onlyme.cli.lines import count_cells, wrap_line
from onlyme.settings import Settings
from tests.cli.conftest import ONLYME, refused


def on_terminal(shell, *words, keys="", columns=80):
    """Run a command on a terminal, type keys when it asks; return its code and what is seen."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    surroundings = shell.environment()
    del surroundings["COLUMNS"]
    process = subprocess.Popen(
        [*ONLYME, *map(os.fspath, words)],
        env=surroundings,
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


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("delet", "onlyme forget"),
        ("remov", "onlyme forget"),
        ("unlock delet", "onlyme unlock forget"),
        ("unlock setpu", "onlyme unlock setup"),
        ("hlep", "onlyme help"),
        ("Enroll", "onlyme enroll"),
        ("setup", "onlyme unlock setup"),
        ("config show", "onlyme unlock config"),
        ("token list", "onlyme serve token"),
        ("register", "onlyme enroll"),
        ("unlock verify", "onlyme verify"),
        ("instal", "onlyme unlock install"),
    ],
)
def test_a_word_that_is_no_command_leads_to_the_one_that_is_meant(onlyme, typed, meant):
    said = " ".join(refused(onlyme(*typed.split(), COLUMNS=200)).split())
    advised = re.findall("`([^`]*)`", said.partition("Did you mean")[2])
    assert advised[0] == meant
    assert "reset" not in said


@pytest.mark.parametrize("typed", ["foo", "unlock foo", "qqq"])
def test_without_a_command_that_is_near_none_is_advised(onlyme, typed):
    assert "Did you mean" not in refused(onlyme(*typed.split()))


def test_the_help_is_grouped_and_complete(onlyme):
    said = onlyme("--help").stdout
    assert "─ Commands ─" not in said, "a command has no heading"
    assert said.count("╭─") >= 5
    for name in COMMANDS:
        assert f" {name} " in said


# -------------------------------------------------------------------- questions


@pytest.mark.parametrize(
    "words",
    [
        ("forget", "obama"),
        ("enroll", "obama", "PHOTO", "--replace"),
        ("examples", "obama", "--remove", "1"),
    ],
    ids=lambda w: w[0],
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


def test_merging_two_people_asks_on_a_terminal(obama, photos):
    assert obama("enroll", "barack", photos / "obama_3.jpg", "--anyway").returncode == 0
    code, seen = on_terminal(obama, "merge", "obama", "barack", keys="n\n")
    assert code == 2, seen
    assert len(json.loads(obama("list", "--json").stdout)) == 2
    code, seen = on_terminal(obama, "merge", "obama", "barack", "--yes")
    assert code == 0, seen
    assert "[y/N]" not in seen


@pytest.mark.parametrize("words", [("forget", "nobody"), ("merge", "obama", "nobody")])
def test_nothing_is_asked_about_a_person_who_is_not_there(obama, words):
    code, seen = on_terminal(obama, *words, keys="y\n")
    assert code == 2
    assert "no person called 'nobody' is enrolled" in seen
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


@pytest.mark.parametrize("columns", [40, 60, 100, 200])
def test_every_message_fits_the_terminal(obama, photos, tmp_path, columns):
    """Only what a terminal cannot break, such as a path, is wider."""
    one, other = photos / "obama_1.jpg", photos / "biden_1.jpg"
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    for words in [
        ("list",),
        ("status",),
        ("verify", "obama", one),
        ("verify", "obama", other),
        ("verify", "nobody", other),
        ("compare", one, other),
        ("detect", one),
        ("tune", "obama"),
        ("tune", "obama", "--alpha", "-1"),
        ("examples", "obama"),
        ("enroll", "ada", tmp_path / "no.jpg"),
        ("enroll", f"李{columns}", other),
        ("not-me", "obama", other),
        ("audit",),
        ("backup",),
        ("rekey",),
        ("doctor",),
        ("models", "status"),
        ("cameras",),
        ("demo",),
        ("serve", "link"),
        ("serve", "token", "list"),
        ("forget", "obama"),
        ("forget",),
        ("delet",),
        ("unlock", "status"),
        ("unlock", "key"),
        ("unlock", "test"),
        ("help",),
        ("tune", "--help"),
    ]:
        _, seen = on_terminal(obama, *words, keys="n\n", columns=columns)
        assert seen.strip(), words
        for line in re.split(r"[\r\n]+", seen):
            fits = (
                count_cells(line.rstrip()) <= columns or max(map(len, line.split())) > columns / 2
            )
            assert fits, (words, line)


def test_a_pipe_gets_whole_lines(obama, photos):
    surroundings = obama.environment()
    del surroundings["COLUMNS"]
    with obama.start(
        "tune", "obama", environment=surroundings, stdout=subprocess.PIPE, text=True
    ) as process:
        said = process.communicate()[0]
    assert "at most about once in 500 tries; a close relative more often (teach one" in said


@pytest.mark.parametrize("width", [40, 77])
def test_a_broken_line_loses_no_word(width):
    for line in (
        "note: " + "a few words and " * 12,
        f"{'ada':<20} {'3 photos':<10} alpha +0.1   set for 1 in 10,000 strangers (estimate)",
        "  ✓ /a/path/without/any/space/" + "x" * 90 + ": is not a picture",
        "\x1b[32m✓\x1b[0m " + "李小龍 é " * 20,
    ):
        broken = wrap_line(line, width)
        assert broken.split() == line.split()
        assert all(count_cells(row) <= width or len(row.split()) <= 2 for row in broken.split("\n"))
        assert all(row.startswith("  ") for row in broken.split("\n")[1:])


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
