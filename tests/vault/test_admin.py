import sqlite3
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from onlyme.errors import KeyRefused, OwnerExists, UnknownOwner, VaultDamaged, VaultError
from onlyme.gate.admission import Gate
from onlyme.gate.audit import Event
from onlyme.vault.admin import BACKUP, VaultAdmin
from onlyme.vault.export import open_export
from onlyme.vault.key_sources import Passphrase, ScryptCost
from onlyme.vault.parts import list_parts
from onlyme.vault.store import Store
from tests.locks import contents
from tests.vault.hostility import NO_MATCH

CHEAP = ScryptCost(n=2**10, r=8, p=1)


@pytest.fixture
def admin(store):
    return VaultAdmin(store, Gate(store))


def enrolled(admin, *templates):
    with admin.store.edit() as edit:
        for template in templates:
            edit.put(template)


def events(admin):
    return [line.event for line in admin.gate.audit.entries()]


def test_its_docstring_names_every_public_method_and_attribute(admin):
    public = {name for name in dir(admin) if not name.startswith("_")}
    missing = {name for name in public if f"`{name}`" not in VaultAdmin.__doc__}
    assert missing == {"store", "gate"}
    assert {"store:", "gate:"} <= set(VaultAdmin.__doc__.split())


def test_an_export_is_read_by_another_vault(admin, tmp_path, make):
    template = make()
    enrolled(admin, template)
    admin.export("ada", tmp_path / "ada", "four good words", CHEAP)
    assert (tmp_path / "ada").stat().st_mode & 0o777 == 0o600
    other = Store(tmp_path / "other")
    elsewhere = VaultAdmin(other, Gate(other))
    assert elsewhere.import_(tmp_path / "ada", "four good words") == "ada"
    np.testing.assert_allclose(other.get("ada").values["me"], template.values["me"], atol=1e-6)
    assert events(elsewhere) == [Event.IMPORT]
    assert events(admin) == [Event.EXPORT]
    with pytest.raises(OwnerExists):
        elsewhere.import_(tmp_path / "ada", "four good words")
    assert elsewhere.import_(tmp_path / "ada", "four good words", name="ada two") == "ada two"
    assert elsewhere.import_(tmp_path / "ada", "four good words", replace_=True) == "ada"
    other.close()


def test_an_export_opens_with_its_passphrase_only(admin, tmp_path, make):
    enrolled(admin, make())
    admin.export("ada", tmp_path / "ada", "four good words", CHEAP)
    with pytest.raises(KeyRefused):
        admin.import_(tmp_path / "ada", "other words", name="b")
    with pytest.raises(KeyRefused, match="empty"):
        admin.export("ada", tmp_path / "b", "", CHEAP)
    with pytest.raises(VaultError, match="already"):
        admin.export("ada", tmp_path / "ada", "four good words", CHEAP)
    with pytest.raises(UnknownOwner):
        admin.export("grace", tmp_path / "c", "four good words", CHEAP)
    assert not (tmp_path / "b").exists()


def test_a_changed_export_is_refused_wherever_it_was_changed(admin, tmp_path, make):
    enrolled(admin, make(me=make().values["me"][:1], not_me=make().values["me"][:0]))
    admin.export("ada", tmp_path / "ada", "four good words", CHEAP)
    data = (tmp_path / "ada").read_bytes()
    for at in [*range(140), *range(140, len(data), 61)]:
        hurt = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises((KeyRefused, VaultDamaged)):
            open_export(hurt, "four good words")
    for end in range(0, len(data), 53):
        with pytest.raises((KeyRefused, VaultDamaged)):
            open_export(data[:end], "four good words")


def test_a_backup_is_whole_and_sealed_and_opens_with_the_key(admin, folder, make, tmp_path):
    enrolled(admin, make())
    path = admin.backup(tmp_path / "copy")
    assert path.stat().st_mode & 0o777 == 0o600
    copy = Store(folder, file=path)
    assert copy.names() == ["ada"]
    copy.close()
    with pytest.raises(VaultError, match="already"):
        admin.backup(tmp_path / "copy")
    assert admin.backup().parent == folder / "backups"


def test_a_backup_is_made_while_another_writes(admin, folder, make, tmp_path):
    enrolled(admin, make())
    other = Store(folder)
    with other.edit() as edit:
        edit.put(make("grace"))
        database = sqlite3.connect(tmp_path / "copy")
        database.close()
        admin.store.copy_to(tmp_path / "copy")
    copy = Store(folder, file=tmp_path / "copy")
    assert copy.names() == ["ada"]
    copy.close()
    assert admin.store.names() == ["ada", "grace"]
    other.close()


def test_forgetting_reaches_the_backups(admin, folder, make, tmp_path):
    enrolled(admin, make(), make("grace"))
    admin.gate.decide("ada", "camera 0", lambda: NO_MATCH)
    kept, gone = admin.backup(), admin.backup(tmp_path / "gone")
    gone.unlink()
    notes = admin.forget("ada")
    assert len(notes) == 1
    assert str(gone) in notes[0]
    assert admin.gate.allowances() == {}
    copy = Store(folder, file=kept)
    assert copy.names() == ["grace"]
    copy.close()
    with pytest.raises(UnknownOwner):
        admin.forget("ada")
    assert events(admin)[-1] is Event.FORGET


def test_a_backup_under_an_earlier_key_is_deleted_with_the_first_who_is_forgotten(admin, make):
    enrolled(admin, make())
    path = admin.backup()
    admin.rekey(Passphrase(lambda: "four good words", CHEAP))
    (note,) = admin.forget("ada")
    assert "earlier key" in note
    assert not path.exists()


def test_revoking_draws_a_new_rotation_and_leaves_nothing_of_the_old(admin, folder, make):
    enrolled(admin, make())
    database = sqlite3.connect(folder / "vault.sqlite")
    ((old,),) = database.execute("SELECT body FROM record").fetchall()
    database.close()
    before = admin.store.get("ada")
    admin.revoke("ada")
    np.testing.assert_allclose(admin.store.get("ada").values["me"], before.values["me"], atol=1e-6)
    everything = b"".join(contents(path) for path in folder.iterdir())
    assert old[100:132] not in everything
    with pytest.raises(UnknownOwner):
        admin.revoke("grace")
    assert events(admin) == [Event.REVOKE]


def test_backups_of_one_second_have_names_of_their_own(admin):
    """Also where the clock is set back to a second of which there is one."""
    made = [admin.backup() for _ in range(4)]
    assert len(set(made)) == 4
    assert all(path.parent == admin.store.folder / "backups" for path in made)
    assert {admin.store.read(BACKUP, str(path)) is not None for path in made} == {True}


def test_a_backup_by_time_never_writes_into_that_of_another(admin, monkeypatch):
    """Of the other one only a part is there, as when its process was killed."""
    first = admin.backup()
    stamp = first.name.partition("Z")[0]
    at = datetime.strptime(stamp, "%Y-%m-%dT%H-%M-%S").replace(tzinfo=UTC)
    clock = SimpleNamespace(now=lambda _: at)
    monkeypatch.setattr("onlyme.vault.backup.datetime", clock)
    (part,) = [one for name, one in list_parts(first).items() if name == "events"]
    first.unlink()
    part.write_bytes(b"another's")
    second = admin.backup()
    assert second.name == f"{stamp}Z-2.sqlite"
    assert part.read_bytes() == b"another's"
    assert admin.backup().name == f"{stamp}Z-3.sqlite"
