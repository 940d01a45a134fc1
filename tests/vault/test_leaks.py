"""Planted numbers must not come out anywhere: not in files, messages, representations or dumps."""

import logging
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from onlyme.errors import OnlymeError
from onlyme.gate.admission import Gate
from onlyme.gate.audit import Event
from onlyme.storage.template import from_bytes, to_bytes
from onlyme.vault.admin import VaultAdmin
from tests.locks import contents
from tests.vault.hostility import NO_MATCH

PLANTED = np.float32(0.12345679)
AS_BYTES = PLANTED.tobytes() * 4
AS_TEXT = ("0.1234567", "0.12345")


@pytest.fixture
def planted(make):
    """A template whose vectors are one number over and over, and one that shows in no hash."""
    rows = np.full((5, 128), PLANTED, np.float32)
    return make(me=rows, not_me=rows)


def test_no_file_holds_a_planted_number(store, folder, planted):
    admin = VaultAdmin(store, Gate(store))
    with store.edit() as edit:
        edit.put(planted)
        admin.gate.note(edit, Event.ENROLL, "ada")
    admin.gate.decide("ada", "camera 0", lambda: NO_MATCH)
    admin.revoke("ada")
    admin.export("ada", folder.parent / "export", "four good words")
    admin.backup()
    admin.rekey()
    for path in folder.parent.rglob("*"):
        if path.is_file():
            content = contents(path)
            assert AS_BYTES not in content, path
            assert not any(text.encode() in content for text in AS_TEXT), path
    for line in admin.gate.audit.entries():
        assert not any(text in repr(line) for text in AS_TEXT)


def test_no_representation_and_no_message_holds_one(planted, caplog):
    caplog.set_level(logging.DEBUG)
    said = [repr(planted), str(planted)]
    data = bytearray(to_bytes(planted))
    for at in range(0, len(data), 97):
        hurt = bytes(data[:at]) + bytes([data[at] ^ 0x55]) + bytes(data[at + 1 :])
        with pytest.raises(OnlymeError) as raised:
            from_bytes(hurt)
        said.append(repr(raised.value))
    said.append(caplog.text)
    assert not any(text in words for text in AS_TEXT for words in said)


def test_keys_show_in_no_representation(store, folder):
    key = (folder / "vault.key").read_text().split()[1]
    assert key not in repr(store.__dict__)
    assert repr(store._keys.root)[2:20] not in repr(store.__dict__)


DUMP = """
import ctypes, os, resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
from onlyme.vault.core_dumps import forbid_core_dumps
if sys.argv[1] == "forbidden":
    forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE)[0], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
sys.stdout.flush()
planted = b"planted " * 1000
os.abort()
"""


def test_no_core_is_dumped(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", DUMP, "forbidden"], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == -signal.SIGABRT
    assert ran.stdout.split() == ["0", "0"]
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - names are enough


def test_the_command_line_forbids_dumps(folder):
    program = (
        "import ctypes, sys\n"
        "from onlyme.cli.main import main\n"
        f"sys.argv = ['onlyme', 'status', '--vault', {str(folder)!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[-1] == "0"
