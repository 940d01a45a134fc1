"""Owners of earlier versions are told once that attention does not know their open eyes."""

from contextlib import contextmanager
from dataclasses import replace

import cv2
import numpy as np
import pytest

from onlyme import FaceID

NOTE = "the open eyes of obama are not known yet"


@contextmanager
def in_environment(shell, monkeypatch):
    with monkeypatch.context() as patch:
        for key, value in shell.environment().items():
            patch.setenv(key, value)
        with FaceID.open(shell.vault) as face_id:
            yield face_id


@pytest.fixture
def earlier(obama, monkeypatch):
    """The command line with an owner as an earlier version wrote them."""
    with in_environment(obama, monkeypatch) as face_id, face_id.admin.store.edit() as edit:
        template = edit.get("obama")
        values = {key: value for key, value in template.values.items() if key != "eyes"}
        edit.put(replace(template, values=values))
    return obama


@pytest.fixture
def film(photos, tmp_path):
    """A video of one photo, as a camera."""
    small = cv2.resize(cv2.imread(str(photos / "obama_1.jpg")), (320, 400))
    path = str(tmp_path / "film.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 15, (320, 400))
    for step in range(8):
        writer.write(np.roll(small, step, axis=1))
    writer.release()
    return path


@pytest.mark.parametrize("first", ["list", "watch", "verify"])
def test_the_first_command_that_asks_for_attention_tells_it_and_none_after_it(earlier, film, first):
    commands = {
        "list": ("list",),
        "watch": ("watch", "obama", film, "--attention", "eyes"),
        "verify": ("verify", "obama", "--camera", film, "--attention", "gaze"),
    }
    for name in (first, *commands):
        done = earlier(*commands[name])
        assert done.returncode in (0, 1), done.stderr
        assert done.stderr.count(NOTE) == (name == first), (name, done.stderr)
        assert NOTE not in done.stdout
        first = None


def test_only_where_attention_is_asked_for_it_is_told_also_by_the_settings(earlier, film):
    for setting, expected in (("off", 0), ("eyes", 1), ("eyes", 0)):
        done = earlier("watch", "obama", film, ONLYME_ATTENTION=setting)
        assert done.stderr.count(NOTE) == expected, done.stderr
    assert NOTE not in earlier("verify", "obama", "--camera", film).stderr
