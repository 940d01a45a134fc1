import sqlite3

import numpy as np
import pytest

from onlyme.errors import KeyRefused, OwnerExists, UnknownOwner, VaultDamaged, VaultError
from onlyme.gate.admission import Gate
from onlyme.gate.audit import Event
from onlyme.vault.admin import VaultAdmin
from onlyme.vault.export import open_export
from onlyme.vault.key_sources import Passphrase, ScryptCost
from onlyme.vault.store import Store
from tests.locks import contents
from tests.vault.hostility import NO_MATCH

CHEAP = ScryptCost(n=2**10, r=8, p=1)


@pytest.fixture
def keeping(store):
    return VaultAdmin(store, Gate(store))


def enrolled(keeping, *templates):
    with keeping.store.edit() as edit:
        for template in templates:
            edit.put(template)


def events(keeping):
    return [line.event for line in keeping.gate.audit.entries()]


def test_an_export_is_read_by_another_vault(keeping, tmp_path, make):
    template = make()
    enrolled(keeping, template)
    keeping.export("ada", tmp_path / "ada", "words", CHEAP)
    assert (tmp_path / "ada").stat().st_mode & 0o777 == 0o600
    other = Store(tmp_path / "other")
    elsewhere = VaultAdmin(other, Gate(other))
    assert elsewhere.import_(tmp_path / "ada", "words") == "ada"
    np.testing.assert_allclose(other.get("ada").values["me"], template.values["me"], atol=1e-6)
    assert events(elsewhere) == [Event.IMPORT]
    assert events(keeping) == [Event.EXPORT]
    with pytest.raises(OwnerExists):
        elsewhere.import_(tmp_path / "ada", "words")
    assert elsewhere.import_(tmp_path / "ada", "words", name="ada two") == "ada two"
    assert elsewhere.import_(tmp_path / "ada", "words", replace_=True) == "ada"
    other.close()


def test_an_export_opens_with_its_passphrase_only(keeping, tmp_path, make):
    enrolled(keeping, make())
    keeping.export("ada", tmp_path / "ada", "words", CHEAP)
    with pytest.raises(KeyRefused):
        keeping.import_(tmp_path / "ada", "other words", name="b")
    with pytest.raises(KeyRefused, match="empty"):
        keeping.export("ada", tmp_path / "b", "", CHEAP)
    with pytest.raises(VaultError, match="already"):
        keeping.export("ada", tmp_path / "ada", "words", CHEAP)
    with pytest.raises(UnknownOwner):
        keeping.export("grace", tmp_path / "c", "words", CHEAP)
    assert not (tmp_path / "b").exists()


def test_a_changed_export_is_refused_wherever_it_was_changed(keeping, tmp_path, make):
    enrolled(keeping, make(me=make().values["me"][:1], not_me=make().values["me"][:0]))
    keeping.export("ada", tmp_path / "ada", "words", CHEAP)
    data = (tmp_path / "ada").read_bytes()
    for at in [*range(140), *range(140, len(data), 61)]:
        hurt = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises((KeyRefused, VaultDamaged)):
            open_export(hurt, "words")
    for end in range(0, len(data), 53):
        with pytest.raises((KeyRefused, VaultDamaged)):
            open_export(data[:end], "words")


def test_a_backup_is_whole_and_sealed_and_opens_with_the_key(keeping, folder, make, tmp_path):
    enrolled(keeping, make())
    path = keeping.backup(tmp_path / "copy")
    assert path.stat().st_mode & 0o777 == 0o600
    copy = Store(folder, file=path)
    assert copy.names() == ["ada"]
    copy.close()
    with pytest.raises(VaultError, match="already"):
        keeping.backup(tmp_path / "copy")
    assert keeping.backup().parent == folder / "backups"


def test_a_backup_is_made_while_another_writes(keeping, folder, make, tmp_path):
    enrolled(keeping, make())
    other = Store(folder)
    with other.edit() as edit:
        edit.put(make("grace"))
        database = sqlite3.connect(tmp_path / "copy")
        database.close()
        keeping.store.copy_to(tmp_path / "copy")
    copy = Store(folder, file=tmp_path / "copy")
    assert copy.names() == ["ada"]
    copy.close()
    assert keeping.store.names() == ["ada", "grace"]
    other.close()


def test_forgetting_reaches_the_backups(keeping, folder, make, tmp_path):
    enrolled(keeping, make(), make("grace"))
    keeping.gate.decide("ada", "camera 0", lambda: NO_MATCH)
    kept, gone = keeping.backup(), keeping.backup(tmp_path / "gone")
    gone.unlink()
    notes = keeping.forget("ada")
    assert len(notes) == 1
    assert str(gone) in notes[0]
    assert keeping.gate.allowances() == {}
    copy = Store(folder, file=kept)
    assert copy.names() == ["grace"]
    copy.close()
    with pytest.raises(UnknownOwner):
        keeping.forget("ada")
    assert events(keeping)[-1] is Event.FORGET


def test_a_backup_under_an_earlier_key_is_deleted_with_the_first_who_is_forgotten(keeping, make):
    enrolled(keeping, make())
    path = keeping.backup()
    keeping.rekey(Passphrase(lambda: "words", CHEAP))
    (note,) = keeping.forget("ada")
    assert "earlier key" in note
    assert not path.exists()


def test_revoking_draws_a_new_rotation_and_leaves_nothing_of_the_old(keeping, folder, make):
    enrolled(keeping, make())
    database = sqlite3.connect(folder / "vault.sqlite")
    ((old,),) = database.execute("SELECT body FROM record").fetchall()
    database.close()
    before = keeping.store.get("ada")
    keeping.revoke("ada")
    np.testing.assert_allclose(
        keeping.store.get("ada").values["me"], before.values["me"], atol=1e-6
    )
    everything = b"".join(contents(path) for path in folder.iterdir())
    assert old[100:132] not in everything
    with pytest.raises(UnknownOwner):
        keeping.revoke("grace")
    assert events(keeping) == [Event.REVOKE]
