"""Sources of keys, and slots that were tampered with. The keyring is played by a backend that
keeps its entries in a dictionary; the desktop's own needs a desktop."""

import json
import sqlite3
import sys
from types import ModuleType

import pytest

from onlyme.errors import KeyMissing, KeyRefused, OnlymeError, VaultDamaged
from onlyme.vault.key_slot import KeySlot
from onlyme.vault.key_sources import KeyFile, Keyring, Passphrase, ScryptCost, stretch_passphrase
from onlyme.vault.store import Store

CHEAP = ScryptCost(n=2**10, r=8, p=1)


@pytest.mark.parametrize(
    ("n", "r", "p", "expected"),
    [  # RFC 7914, section 12, cut to 32 bytes
        (1024, 8, 16, "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"),
        (16384, 8, 1, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"),
    ],
)
def test_stretching_is_scrypt(n, r, p, expected):
    words, salt = ("password", b"NaCl") if n == 1024 else ("pleaseletmein", b"SodiumChloride")
    assert stretch_passphrase(words, salt, ScryptCost(n, r, p)).hex() == expected


@pytest.mark.parametrize("cost", [(0, 8, 1), (2**30, 8, 1), (3, 8, 1), (-2, 8, 1), (2, 0, 1)])
def test_costs_that_make_no_sense_are_refused(cost):
    with pytest.raises(VaultDamaged):
        stretch_passphrase("four good words", b"salt", ScryptCost(*cost))


def test_an_empty_passphrase_is_refused(tmp_path):
    with pytest.raises(KeyRefused):
        Store(tmp_path / "v", Passphrase(lambda: "", CHEAP))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"onlyme-key-1",
        b"onlyme-key-1 " + b"0" * 63,
        b"onlyme-key-1 " + b"x" * 64,
        b"onlyme-key-2 " + b"0" * 64,
        b"\xff\x00" * 50,
        b"onlyme-key-1 " + b"0" * 64 + b"0" * 1000,
    ],
)
def test_a_file_that_holds_no_key_is_refused(tmp_path, content):
    Store(tmp_path / "v").close()
    (tmp_path / "v" / "vault.key").write_bytes(content)
    with pytest.raises(KeyRefused):
        Store(tmp_path / "v")


def test_a_key_file_may_lie_elsewhere(tmp_path):
    key = tmp_path / "keys" / "mine"
    Store(tmp_path / "v", KeyFile(key)).close()
    assert key.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "v" / "vault.key").exists()
    Store(tmp_path / "v", KeyFile(key)).close()
    with pytest.raises(KeyMissing):
        Store(tmp_path / "v")


def changed_slot(folder, change):
    database = sqlite3.connect(folder / "vault.sqlite")
    ((body,),) = database.execute("SELECT body FROM slot").fetchall()
    slot = json.loads(body)
    change(slot)
    database.execute("UPDATE slot SET body = ?", (json.dumps(slot).encode(),))
    database.commit()
    database.close()


CHANGES = {
    "another vault": lambda slot: slot.update(vault="00" * 16),
    "short vault": lambda slot: slot.update(vault="00"),
    "another mark": lambda slot: slot.update(mark="00" * 16),
    "another key": lambda slot: slot.update(sealed=slot["sealed"][:-2] + "00"),
    "no key": lambda slot: slot.update(sealed=""),
    "another kind": lambda slot: slot.update(kind="file"),
    "an unknown kind": lambda slot: slot.update(kind="x"),
    "another salt": lambda slot: slot["params"].update(salt="00" * 16),
    "no salt": lambda slot: slot["params"].pop("salt"),
    "cheaper": lambda slot: slot["params"].update(n=2),
    "dearer": lambda slot: slot["params"].update(n=2**40),
    "words for numbers": lambda slot: slot["params"].update(n="x"),
    "a list": lambda slot: slot.update(params=[1]),
    "a number": lambda slot: slot.update(vault=7),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_slot_that_was_changed_opens_nothing(tmp_path, change):
    source = Passphrase(lambda: "four good words", CHEAP)
    Store(tmp_path / "v", source).close()
    changed_slot(tmp_path / "v", CHANGES[change])
    with pytest.raises(OnlymeError):
        Store(tmp_path / "v", source)


def test_a_slot_sealed_by_another_brings_no_vault_of_theirs(tmp_path):
    """An attacker who replaces the slot can use their own key; our records do not open with it."""
    store = Store(tmp_path / "v")
    with store.edit() as edit:
        edit.write("thing", "a", b"b")
    store.close()
    theirs = KeyFile(tmp_path / "theirs" / "key")
    _, key = theirs.make(replace=False)
    theirs.settle(key)
    slot = KeySlot.make(KeySlot.draw_keys(), "file", {}, key)
    database = sqlite3.connect(tmp_path / "v" / "vault.sqlite")
    database.execute("UPDATE slot SET body = ?", (slot.to_bytes(),))
    database.commit()
    database.close()
    with pytest.raises(VaultDamaged):
        Store(tmp_path / "v", theirs)


class Desktop(ModuleType):
    """What the package `keyring` offers, on a dictionary."""

    class errors:  # noqa: N801 - as the package calls it
        class KeyringError(Exception):
            pass

    def __init__(self, priority=5.0):
        super().__init__("keyring")
        self.entries, self.priority, self.silent = {}, priority, False

    def get_keyring(self):
        return self

    def set_password(self, service, name, word):
        if self.silent:
            raise self.errors.KeyringError("locked")
        self.entries[service, name] = word

    def get_password(self, service, name):
        if self.silent:
            raise self.errors.KeyringError("locked")
        return self.entries.get((service, name))

    def delete_password(self, service, name):
        del self.entries[service, name]


@pytest.fixture
def desktop(monkeypatch):
    made = Desktop()
    monkeypatch.setitem(sys.modules, "keyring", made)
    return made


def test_a_keyring_holds_the_key(tmp_path, desktop):
    store = Store(tmp_path / "v", Keyring())
    with store.edit() as edit:
        edit.write("thing", "a", b"b")
    store.close()
    assert len(desktop.entries) == 1
    assert not list((tmp_path / "v").glob("*.key*"))
    store = Store(tmp_path / "v", Keyring())
    assert store.read("thing", "a") == b"b"
    before = set(desktop.entries)
    store.rekey()
    assert len(desktop.entries) == 1  # the old key is erased
    assert set(desktop.entries) != before
    store.close()
    Store(tmp_path / "v", Keyring()).close()
    desktop.entries.clear()
    with pytest.raises(KeyMissing):
        Store(tmp_path / "v", Keyring())


def test_a_keyring_that_is_locked_or_keeps_no_secrets_opens_nothing(tmp_path, desktop):
    Store(tmp_path / "v", Keyring()).close()
    desktop.silent = True
    with pytest.raises(KeyMissing, match="locked"):
        Store(tmp_path / "v", Keyring())
    desktop.silent, desktop.priority = False, 0
    with pytest.raises(KeyMissing):
        Store(tmp_path / "v", Keyring())


def test_without_the_package_a_keyring_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(KeyMissing, match=r"needs more packages; .*pip install .*keyring"):
        Store(tmp_path / "v", Keyring())
