"""What is Linux's own is imported where it is used only, and refused elsewhere.

These tests run on Linux and take its modules away: they show that nothing needs them, not that
the rest of another system does what it should.
"""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import onlyme
from onlyme.storage import system
from tests.package import elsewhere
from tests.processes import drop_coverage

SOURCE = Path(onlyme.__file__).parent
PROGRAM = Path(elsewhere.__file__)


def run(platform, home, *photos):
    done = subprocess.run(
        [sys.executable, PROGRAM, platform, home, *photos],
        env=drop_coverage(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_every_module_is_imported_and_a_person_is_known(platform, tmp_path, photos):
    names = ("obama_1", "obama_2", "obama_3", "biden_1")
    answer = run(platform, tmp_path, *(photos / f"{name}.jpg" for name in names))
    assert answer["broken"] == {}
    assert answer["modules"] > 300
    assert answer["taken"] == 2
    assert (answer["mine"], answer["other"], answer["many"]) == (True, False, [True, False])
    assert answer["backup"]
    assert "on Linux only" in answer["camera"]
    codes = {"enroll": 0, "verify": 0, "list": 0, "cameras": 0, "reject": 1}
    assert {name: answer[name] for name in codes} == codes, answer
    for name in ("unlock", "daemon"):
        assert answer[name] == 2, answer
        assert f"works on Linux only, and this is {platform}" in answer[f"{name} said"]
    assert platform in answer["refused"]
    assert "Traceback" not in "".join(str(value) for value in answer.values())


def test_linux_is_imported_nowhere_when_a_module_loads():
    """A sibling that nobody has thought of yet fails here."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            found += [
                f"{path.relative_to(SOURCE)}: {name}"
                for name in names
                if name.partition(".")[0] in elsewhere.BLOCKED
            ]
    assert found == []


def test_one_function_names_the_platform():
    """A test can then say that it is another one; `sys.platform` is the standard library's."""
    asking = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        for word in ("sys.platform", "os.name", "platform.system(", "os.uname(")
        if word in path.read_text("utf-8").replace("`sys.platform`", "")
    }
    assert asking == {"storage/system.py"}


@pytest.fixture(params=["fcntl", "sqlite"])
def locks(request, monkeypatch):
    if request.param == "sqlite":
        monkeypatch.setitem(sys.modules, "fcntl", None)
    return request.param


def test_where_files_have_no_locks_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with (tmp_path / "file").open("wb") as file, pytest.raises(OSError, match="no such locks"):
        system.take_lock(file.fileno(), wait=False)


HOLD = """
import sys; sys.modules["fcntl"] = None if sys.argv[2] == "sqlite" else __import__("fcntl")
from pathlib import Path
from onlyme.storage.system import hold_lock
try:
    with hold_lock(Path(sys.argv[1]), seconds=0.05):
        print("free")
except BlockingIOError:
    print("held")
"""


def test_one_process_at_a_time_holds_a_lock(tmp_path, locks):
    path = tmp_path / "lock"

    def ask():
        program = [sys.executable, "-c", HOLD, path, locks]
        return subprocess.run(program, capture_output=True, text=True, check=True).stdout.strip()

    with system.hold_lock(path, seconds=1.0):
        assert ask() == "held"
    assert ask() == "free"
    assert path.read_bytes() == b""
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_in_place_of_a_lock_is_refused(tmp_path, locks):
    (tmp_path / "lock").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"), system.hold_lock(tmp_path / "lock", seconds=0):
        pass


def test_a_copy_is_read_by_its_path_and_gone_afterwards(monkeypatch):
    for platform in ("linux", "win32"):
        monkeypatch.setattr(system, "name_platform", lambda name=platform: name)
        with system.copy_in_memory("model.onnx") as (copy, path):
            copy.write(b"weights")
            copy.flush()
            assert Path(path).read_bytes() == b"weights"
        assert not Path(path).exists()
