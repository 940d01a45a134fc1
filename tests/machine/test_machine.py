"""The booted Debian itself: logind knows who logs in at its console, and its tree is left alone."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.debian import tree as trees
from tools.debian.machine import Machine

pytestmark = pytest.mark.xdist_group("machine")

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("screen", [None, False])
def test_a_login_at_the_console_is_a_session_at_a_seat(tree, screen):
    with Machine(tree, screen=screen) as machine:
        machine.add_user("ada", "secret")
        machine.console.log_in("ada", "secret")
        done = machine.console.run("loginctl --no-pager show-session $XDG_SESSION_ID")
        assert done.returncode == 0
        words = done.stdout.split()
        assert {"Name=ada", "Seat=seat0", "Active=yes", "Remote=no", "Service=login"} <= {*words}
        assert machine.console.run("false").returncode == 1


def test_what_a_machine_writes_ends_with_it(tree):
    with Machine(tree, screen=False) as machine:
        machine.check("touch", "/etc/new")
        machine.check("rm", "/etc/debian_version")
        folder = machine._folder
    assert (tree / "etc/debian_version").exists()
    assert not (tree / "etc/new").exists()
    assert not folder.exists()


def test_a_machine_ends_with_a_program_that_is_killed(tree):
    code = (
        "import os, pathlib\n"
        "from tools.debian.machine import Machine\n"
        f"with Machine(pathlib.Path({str(tree)!r}), screen=False) as machine:\n"
        "    print(machine._leader, machine._folder, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    leader, folder = done.stdout.split()
    end = time.monotonic() + 30
    while is_running(int(leader)):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert Path(folder).exists()
    with Machine(tree, screen=False):
        assert not Path(folder).exists()  # the next one removes what it left


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_tree_that_cannot_be_finished_is_not_used(tmp_path, monkeypatch, tree):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(RuntimeError, match="debootstrap"):
        trees.build_tree("bookworm", ["no-such-package-anywhere"])
    assert [path.name for path in (tmp_path / "onlyme").iterdir()] == ["debian-bookworm.lock"]


def test_the_rest_of_a_build_that_was_killed_is_removed(tmp_path, monkeypatch, tree):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(trees, "_fill", lambda folder, *_: (folder / "whole").touch())
    name = trees.build_tree().name
    rest = tmp_path / "onlyme" / f"{name}.killed"
    rest.mkdir()
    (tmp_path / "onlyme" / name / "whole").unlink()
    (tmp_path / "onlyme" / name).rmdir()
    assert (trees.build_tree() / "whole").exists()
    assert not rest.exists()
