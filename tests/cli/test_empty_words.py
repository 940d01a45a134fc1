"""A word that is empty is a shell's variable that was not set, and never the current folder."""

import subprocess

import pytest

from onlyme import FaceID
from onlyme.errors import OnlymeError
from tests.cli.conftest import ONLYME

COMMANDS = [
    ("verify", "obama", ""),
    ("identify", ""),
    ("detect", ""),
    ("compare", "", ""),
    ("enroll", "ada", ""),
    ("enroll", "ada", "{photo}", "--not-me", ""),
    ("not-me", "obama", ""),
    ("enroll-folder", ""),
    ("evaluate", ""),
    ("backup", ""),
    ("restore", ""),
    ("models", "fetch", "--from", ""),
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:3]))
def test_an_empty_word_is_not_the_current_folder(obama, photos, tmp_path, words):
    """Its photos would be learned without being named."""
    here = tmp_path / "here" / "biden"
    here.mkdir(parents=True)
    for where in (here, here.parent):
        (where / "photo.jpg").write_bytes((photos / "biden_1.jpg").read_bytes())
    before = obama("list", "--json").stdout
    done = subprocess.run(
        [*ONLYME, *(word.format(photo=photos / "obama_1.jpg") for word in words)],
        cwd=here.parent, env=obama.environment(), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert "an empty name is no file and no folder" in " ".join(
        done.stderr.replace("│", " ").split()
    )
    assert obama("list", "--json").stdout == before
    assert {one.name for one in here.parent.iterdir()} == {"biden", "photo.jpg"}


def test_the_library_neither(photos, tmp_path, monkeypatch):
    (tmp_path / "here" / "biden").mkdir(parents=True)
    for where in (tmp_path / "here", tmp_path / "here" / "biden"):
        (where / "photo.jpg").write_bytes((photos / "biden_1.jpg").read_bytes())
    monkeypatch.chdir(tmp_path / "here")
    with FaceID.open(tmp_path / "vault") as face_id:
        for attempt in (
            lambda: face_id.enroll("ada", ""),
            lambda: face_id.enroll("ada", [""]),
            lambda: face_id.enroll("ada", photos / "obama_1.jpg", not_me=""),
            lambda: face_id.enroll_folder(""),
            lambda: FaceID.open(""),
        ):
            face_id.names()
            done = None
            try:
                done = attempt()
            except OnlymeError:
                continue
            assert done is not None
            assert not done.not_me[0].taken  # the photo of the person was taken, the empty one not
