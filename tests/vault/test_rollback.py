"""The counter outside of a vault only grows, and is whole at any moment."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from onlyme.errors import VaultDamaged, VaultError
from onlyme.vault.rollback import RollbackCounter

VAULT, OTHER = b"a" * 16, b"b" * 16
KILLED_COUNTER = """
import os, signal, sys
from pathlib import Path
from onlyme.vault.rollback import RollbackCounter
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
RollbackCounter(Path(sys.argv[1])).advance(b"a" * 16, int(sys.argv[2]))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "elsewhere" / "anchor"


@pytest.fixture
def counter(path):
    return RollbackCounter(path)


def test_it_remembers_the_highest(counter, path):
    assert counter.read_highest(VAULT) is None
    for number in (3, 7, 5):
        counter.advance(VAULT, number)
    assert counter.read_highest(VAULT) == 7
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    counter.check(VAULT, 7)
    counter.check(VAULT, 8)
    assert counter.read_highest(VAULT) == 7


def test_it_notices_an_older_copy_and_another_vault(counter):
    counter.check(VAULT, 4)
    with pytest.raises(VaultDamaged, match=r"counter is 3, and .* saw 4"):
        counter.check(VAULT, 3)
    with pytest.raises(VaultDamaged, match="another vault"):
        counter.check(OTHER, 9)


@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * 60, b"ab 12x"])
def test_a_damaged_one_is_never_overwritten(counter, path, content):
    counter.advance(VAULT, 4)
    path.write_bytes(content)
    for use in (counter.check, counter.advance):
        with pytest.raises(VaultDamaged, match="remove the anchor"):
            use(VAULT, 5)
    assert path.read_bytes() == content


def test_a_link_is_refused(counter, path):
    path.parent.mkdir(mode=0o700)
    path.symlink_to(path.with_name("real"))
    with pytest.raises(VaultError, match="symbolic links"):
        counter.check(VAULT, 1)
    assert not path.with_name("real").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(counter, path):
    path.parent.mkdir(mode=0o500)
    with pytest.raises(VaultError, match="anchor"):
        counter.advance(VAULT, 1)


@pytest.mark.parametrize("before", [None, 6])
def test_a_kill_or_a_power_cut_leaves_the_number_before(counter, path, before):
    if before is not None:
        counter.advance(VAULT, before)
    command = [sys.executable, "-c", KILLED_COUNTER, str(path), "7"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert counter.read_highest(VAULT) == before
    counter.advance(VAULT, 8)
    assert counter.read_highest(VAULT) == 8
    assert list(path.parent.iterdir()) == [path]


def test_many_at_once_leave_the_highest(counter, path):
    failures = []

    def advance(start):
        try:
            for number in range(start, 120, 4):
                RollbackCounter(path).advance(VAULT, number)
                assert RollbackCounter(path).read_highest(VAULT) >= number
        except Exception as error:  # noqa: BLE001 - each is shown below
            failures.append(error)

    threads = [threading.Thread(target=advance, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert counter.read_highest(VAULT) == 119
