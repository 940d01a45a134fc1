"""The command line where something around it is missing, closed, full or odd.

1 means *rejected* and 0 *accepted*: neither may come from a stream that cannot be written.
"""

import os
import subprocess

import pytest

from tests.cli.conftest import ONLYME
from tests.processes import drop_coverage


def shell(onlyme, script, *words, **more):
    """Run a command behind a line of shell, in which `"$@"` is the command."""
    command = ["sh", "-c", script, "sh", *ONLYME, *map(str, words)]
    return subprocess.run(
        command,
        env=drop_coverage(onlyme.environment(**more)),  # it could not write its data either
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("streams", [">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"])
def test_a_stream_that_takes_nothing_is_no_rejection(obama, photos, streams):
    for words in (
        ("verify", "obama", photos / "obama_3.jpg"),
        ("verify", "nobody", photos / "obama_3.jpg"),
        ("verify",),
        ("list", "--json"),
        ("enroll", "obama", photos / "obama_3.jpg"),
    ):
        done = shell(obama, f'"$@" {streams}', *words)
        known_to_work = words[0] == "list" and streams == "2>/dev/full"
        assert done.returncode == (0 if known_to_work else 2), (words, done.stdout, done.stderr)


@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_no_verdict(obama, photos, streams):
    for photo, code in (("obama_3.jpg", 0), ("biden_1.jpg", 1), ("missing.jpg", 2)):
        done = shell(obama, f'"$@" {streams}', "verify", "obama", photos / photo)
        assert done.returncode == code, done.stderr


@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("verify", "obama", "{photo}", "--csv"), 0),
        (("verify", "obama", "{photo}", "--jsonl"), 0),
        (("verify", "obama", "{photo}", "--json"), 0),
        (("identify", "{photo}"), 0),
        (("detect", "{photo}"), 0),
        (("compare", "{photo}", "{photo}"), 0),
        (("list",), 0),
        (("list", "--json"), 0),
        (("status",), 0),
        (("--help",), 0),
        (("verify", "--nonsense"), 2),
    ],
)
def test_no_command_needs_its_streams(obama, photos, streams, words, code):
    """What writes to a stream that is closed has written to nothing; no file takes its number."""
    given = [word.format(photo=photos / "obama_3.jpg") for word in words]
    done = shell(obama, f'"$@" {streams}', *given)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "unexpected" not in done.stderr


@pytest.mark.parametrize("words", [("verify", "obama", "-"), ("identify", "-"), ("detect", "-")])
def test_a_closed_input_holds_no_photo(obama, words):
    done = shell(obama, '"$@" <&-', *words)
    assert done.returncode == 2
    assert "standard input: is empty" in done.stderr


def test_an_answer_that_cannot_be_written_says_why(obama, photos):
    done = shell(obama, '"$@" >/dev/full', "verify", "obama", photos / "obama_3.jpg")
    assert done.stderr.splitlines()[-1] == (
        "onlyme: No space left on device; free some space and run the command again"
    )


def test_a_limit_on_the_size_of_files_breaks_nothing(obama, photos):
    """The kernel sends a signal for it, or fails the write, in the middle of a change."""
    before = obama("list", "--json").stdout
    for blocks in (0, 8, 64):
        done = shell(
            obama, f'(ulimit -f {blocks}; exec "$@") 2>&1 | cat', "not-me", "obama",
            photos / "biden_1.jpg",
        )  # fmt: skip
        assert "Traceback" not in done.stdout
    assert obama("audit", "verify").returncode == 0
    assert obama("list", "--json").stdout.count('"name"') == before.count('"name"')
    assert obama("verify", "obama", photos / "obama_3.jpg").returncode == 0


@pytest.mark.parametrize(
    ("script", "variables"),
    [
        ('cd "$GONE" && rmdir "$GONE" && exec "$@"', {}),
        ('unset HOME; exec "$@"', {}),
        ('HOME= exec "$@"', {}),
        ('ulimit -n 12; exec "$@"', {}),
        ('ulimit -v 900000; exec "$@"', {"OPENBLAS_NUM_THREADS": 1}),
        ('umask 777; exec "$@"', {}),
        ('exec "$@"', {"TZ": "No/Where"}),
        ('exec "$@"', {"LC_ALL": "xx_YY.NONE"}),
        ('exec "$@"', {"TMPDIR": "/no/such/folder", "ONLYME_RUNTIME": "openvino"}),
        ('exec "$@"', {"PYTHONOPTIMIZE": 2}),
        ('exec "$@"', {"PYTHONWARNINGS": "error"}),
        ('exec "$@"', {"COLUMNS": 1, "TERM": "dumb"}),
    ],
)
def test_odd_surroundings_change_no_verdict(obama, photos, tmp_path, script, variables):
    (tmp_path / "gone").mkdir()
    more = variables | {"GONE": tmp_path / "gone"}
    for photo, code in (("obama_3.jpg", 0), ("biden_1.jpg", 1)):
        (tmp_path / "gone").mkdir(exist_ok=True)
        done = shell(obama, script, "verify", "obama", photos / photo, **more)
        assert done.returncode == code, done.stderr


@pytest.mark.parametrize("name", ["-x.jpg", "new\nline.jpg", "a b#c?d%20é;$(x).jpg", "\udcff.jpg"])
def test_odd_names_of_photos(obama, photos, tmp_path, name):
    path = os.fsencode(tmp_path / name)
    with open(path, "wb") as file:  # noqa: PTH123 - the name is no text
        file.write((photos / "obama_3.jpg").read_bytes())
    assert obama("verify", "obama", os.fsdecode(path)).returncode == 0


def test_a_vault_whose_path_looks_like_an_address(onlyme, photos, tmp_path):
    vault = tmp_path / "a b#c?mode=ro&x%20é;y"
    assert onlyme("enroll", "ada", photos / "obama_1.jpg", "--vault", vault).returncode == 0
    assert onlyme("list", "--vault", vault).returncode == 0
    assert (vault / "vault.sqlite").is_file()


def test_a_disk_without_room_for_another_file(obama, photos):
    """No inode is left: SQLite can make no log."""
    if os.geteuid() != 0:
        pytest.skip("a mount of its own needs root")
    script = (
        'cp -a "$ONLYME_VAULT" "$ONLYME_VAULT.copy" && '
        'mount -t tmpfs -o nr_inodes=4,mode=700 few "$ONLYME_VAULT" && '
        'cp -a "$ONLYME_VAULT.copy/." "$ONLYME_VAULT" && touch "$ONLYME_VAULT/last"; exec "$@"'
    )

    def run(*words):
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", *ONLYME, *map(str, words)],
            env=obama.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = run("verify", "obama", photos / "obama_3.jpg")
    assert done.returncode == 0, done.stderr
    done = run("not-me", "obama", photos / "biden_1.jpg")
    assert done.returncode == 2
    assert "no room for another file" in done.stderr
