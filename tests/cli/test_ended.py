"""A command that is ended by a signal leaves nothing half done, and ends by that signal."""

import signal
import subprocess
import sys

import pytest

from tests.processes import drop_coverage

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
AFTER_THE_COPY = """
import os
from onlyme.cli import main
from onlyme.vault.store import Store
real = Store.copy_to
def end(self, path):
    real(self, path)
    os.kill(os.getpid(), {number})
Store.copy_to = end
main.main()
"""
WHILE_PHOTOS_ARE_EXAMINED = """
import os, sys
from onlyme.cli import main
from onlyme.face.pipeline import Pipeline
real = Pipeline.embed
def end(*arguments):
    os.kill(os.getpid(), {number})
    return real(*arguments)
Pipeline.embed = end
main.main()
"""


def run(obama, code, *words):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        env=drop_coverage(obama.environment()), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip


def expected(number):
    return 130 if number == signal.SIGINT else -number


@pytest.mark.parametrize("number", SIGNALS)
def test_a_backup_that_is_ended_leaves_no_file_that_looks_like_one(obama, tmp_path, number):
    target = tmp_path / "usb" / "backup"
    target.parent.mkdir()
    done = run(obama, AFTER_THE_COPY.format(number=int(number)), "backup", target)
    assert done.returncode == expected(number), done.stderr
    assert "Traceback" not in done.stderr
    assert list(target.parent.iterdir()) == []
    assert obama("backup", target).returncode == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_an_enrollment_that_is_ended_leaves_the_vault_as_it_was(obama, photos, number):
    before = obama("list", "--json").stdout
    code = WHILE_PHOTOS_ARE_EXAMINED.format(number=int(number))
    done = run(obama, code, "enroll", "joe", photos / "biden_1.jpg")
    assert done.returncode == expected(number), done.stderr
    assert "Traceback" not in done.stderr
    assert obama("list", "--json").stdout == before
    assert obama("audit", "verify").returncode == 0


@pytest.mark.parametrize("number", SIGNALS[1:])
def test_a_verification_that_is_ended_is_no_verdict(obama, photos, number):
    code = WHILE_PHOTOS_ARE_EXAMINED.format(number=int(number))
    done = run(obama, code, "verify", "obama", photos / "obama_3.jpg")
    assert done.returncode == -number
    assert done.stdout == ""


def test_a_signal_that_is_ignored_stays_so(obama, photos):
    """Nohup lets a command ignore the end of its terminal."""
    code = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    code += WHILE_PHOTOS_ARE_EXAMINED.format(number=int(signal.SIGHUP))
    assert run(obama, code, "verify", "obama", photos / "obama_3.jpg").returncode == 0
