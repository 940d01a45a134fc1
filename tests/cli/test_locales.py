"""A terminal whose encoding lacks some letters gets others in their place, and never half a job.

Each command would otherwise do its work, and end with an error while it tells of it.
"""

import json
import shutil
import subprocess
import sys

import pytest

from tests.cli.conftest import ONLYME
from tests.commands import list_commands

ENCODINGS = ("ascii", "iso8859-1", "gbk", "utf-16")
NAMES = ("ada", "Ольга", "José", "李小龙", "นภา")


def say(onlyme, *words, encoding, codes=(0,), **more):
    """Run a command with streams of an encoding; return what it wrote, decoded again."""
    done = subprocess.run(
        [*ONLYME, *map(str, words)],
        env=onlyme.environment(PYTHONIOENCODING=encoding, **more),
        input=b"",
        capture_output=True,
        timeout=120,
        check=False,
    )
    # Click takes ASCII for a mistake of the system, and writes UTF-8.
    seen = "utf-8" if encoding == "ascii" else encoding
    out, err = (text.decode(seen) for text in (done.stdout, done.stderr))
    assert done.returncode in codes, (words, done.returncode, out, err)
    assert "unexpected" not in err, err
    assert "Traceback" not in err
    return out, err


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_command_says_what_it_did(obama, photos, encoding, tmp_path):
    other, mine = photos / "biden_1.jpg", photos / "obama_3.jpg"
    mark = tmp_path / "opened"
    clip = film(tmp_path / "clip.avi", photos / "obama_3.jpg")
    for words, codes in (
        (("list",), (0,)),
        (("verify", "obama", mine), (0,)),
        (("verify", "obama", other), (1,)),
        (("verify", "nobody", other), (2,)),
        (("watch", "obama", clip, "--liveness", "off", "--on-accept", f"touch {mark}"), (0,)),
        (("tune", "obama"), (0,)),
        (("certificate", "obama"), (0,)),
        (("not-me", "obama", other), (0,)),
        (("enroll", "obama", other, "--add"), (0, 2)),
        (("audit",), (0,)),
        (("doctor",), (0,)),
        (("verify",), (2,)),
    ):
        assert any(say(obama, *words, encoding=encoding, codes=codes))
    assert mark.exists()


def film(path, photo):
    import cv2

    picture = cv2.resize(cv2.imread(str(photo)), (480, 480))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15, (480, 480))
    for _ in range(8):
        writer.write(picture)
    writer.release()
    return path


SHOW_HELP = """
import sys
from onlyme.cli.app import app
from onlyme.cli.streams import prepare_streams
prepare_streams()
for words in sys.argv[1:]:
    try:
        app([*words.split(), "--help"])
    except SystemExit as done:
        assert done.code == 0
"""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "koi8-r", "shift_jis", "big5", "euc-jp"])
def test_help_can_be_read_in_any_encoding(onlyme, encoding):
    commands = list_commands()
    done = subprocess.run(
        [sys.executable, "-c", SHOW_HELP, "", *commands],
        env=onlyme.environment(PYTHONIOENCODING=encoding),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode(encoding).count("Usage") == len(commands) + 1


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-1", "gbk", "utf-8"])
def test_json_holds_each_name_as_it_is(obama, photos, encoding):
    for name in NAMES:
        say(obama, "enroll", name, photos / "obama_1.jpg", "--anyway", encoding=encoding)
    out, _ = say(obama, "list", "--json", encoding=encoding)
    assert {one["name"] for one in json.loads(out)} == {"obama", *NAMES}
    out, _ = say(obama, "verify", "Ольга", photos / "obama_1.jpg", "--json", encoding=encoding)
    assert json.loads(out)["name"] == "Ольга"


@pytest.mark.parametrize("secret", [b"caf\xe9\n", b"\xff\xfe\n"])
def test_a_passphrase_that_is_no_text_is_refused_in_words(obama, tmp_path, secret):
    done = subprocess.run(
        [*ONLYME, "export", "obama", str(tmp_path / "file")],
        env=obama.environment(PYTHONIOENCODING="utf-8"),
        input=secret,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert b"is no text in utf-8" in done.stderr
    assert not (tmp_path / "file").exists()


@pytest.mark.skipif(not shutil.which("localedef"), reason="real locales need Debian's `locales`")
@pytest.mark.parametrize("locale", ["en_US.ISO-8859-1", "zh_CN.GBK", "ru_RU.KOI8-R"])
def test_in_a_real_locale(obama, photos, tmp_path, locale):
    """As the system makes them: arguments, too, are then in that encoding."""
    name, _, encoding = locale.partition(".")
    made = subprocess.run(
        ["localedef", "-i", name, "-f", encoding, str(tmp_path / locale)],
        capture_output=True,
        check=False,
    )
    if not (tmp_path / locale).exists():
        pytest.skip(f"localedef makes none: {made.stderr.decode(errors='replace')[-200:]}")
    variables = {"LOCPATH": str(tmp_path), "LC_ALL": locale}
    done = subprocess.run(
        [*ONLYME, "verify", "obama", str(photos / "obama_3.jpg")],
        env=obama.environment(**variables),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"obama" in done.stdout
