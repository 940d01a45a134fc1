"""The file `data/format-1.sqlite` was written by the first format's own code, of drawn vectors."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from onlyme.errors import VaultDamaged, VaultError
from onlyme.storage.template import from_bytes
from onlyme.vault.key_sources import Passphrase, ScryptCost
from onlyme.vault.store import Store

OLD = Path(__file__).parent / "data" / "format-1.sqlite"


@pytest.fixture
def old(tmp_path):
    folder = tmp_path / "vault"
    folder.mkdir(mode=0o700)
    shutil.copy(OLD, folder / "vault.sqlite")
    (folder / "vault.sqlite").chmod(0o600)
    return folder


def plain():
    import sqlite3

    database = sqlite3.connect(f"file:{OLD}?immutable=1", uri=True)
    read = dict(database.execute("SELECT owner, body FROM template").fetchall())
    database.close()
    return {owner: from_bytes(body) for owner, body in read.items()}


def test_the_first_format_is_read_and_sealed(old):
    import numpy as np

    before = plain()
    assert sorted(before) == ["ada", "grace"]
    store = Store(old)
    assert store.names() == ["ada", "grace"]
    for name, template in before.items():
        after = store.get(name)
        assert after.created == template.created
        assert after.model == template.model
        assert set(after.values) == set(template.values)
        assert after.secret["me"] == "me"
        for key, value in template.values.items():
            if isinstance(value, np.ndarray):
                np.testing.assert_allclose(after.values[key], value, atol=1e-6)
            else:
                assert after.values[key] == value
    store.close()


def test_nothing_of_it_stays_unsealed(old):
    me = plain()["ada"].values["me"]
    assert me[0].tobytes() in (old / "vault.sqlite").read_bytes()
    Store(old).close()
    everything = b"".join(path.read_bytes() for path in old.iterdir())
    assert me[0].tobytes()[:16] not in everything
    assert b'"ada"' not in everything
    assert b"grace" not in everything


def test_an_unsealed_vault_in_a_sealed_ones_place_is_refused(old, tmp_path):
    Store(old).close()
    (old / "vault.sqlite").unlink()
    shutil.copy(OLD, old / "vault.sqlite")
    with pytest.raises(VaultDamaged, match="key"):
        Store(old)


def test_it_is_sealed_with_a_key_file_first(old):
    with pytest.raises(VaultError, match="rekey"):
        Store(old, Passphrase(lambda: "four good words", ScryptCost(2**10, 8, 1)))


def test_a_damaged_one_stays_as_it_was(old):
    content = bytearray((old / "vault.sqlite").read_bytes())
    at = content.index(plain()["ada"].values["me"][0].tobytes())
    content[at] ^= 1
    (old / "vault.sqlite").write_bytes(content)
    with pytest.raises(VaultDamaged):
        Store(old)
    database = sqlite3.connect(old / "vault.sqlite")
    assert database.execute("SELECT count(*) FROM template").fetchone() == (2,)
    database.close()
    assert not list(old.glob("vault.key*"))
