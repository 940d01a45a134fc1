"""A short passphrase is guessed; a new vault or export does not take one."""

import pytest

from onlyme import KeyRefused
from onlyme.vault import key_sources, passphrase_box
from onlyme.vault.export import open_export, seal_export
from onlyme.vault.key_sources import Passphrase, ScryptCost
from onlyme.vault.store import Store

CHEAP = ScryptCost(n=2, r=1, p=1)


@pytest.mark.parametrize("passphrase", ["", "abc", "seven77"])
def test_nothing_new_is_encrypted_with_a_short_passphrase(tmp_path, make, admin, passphrase):
    with pytest.raises(KeyRefused):
        Store(tmp_path / "new", Passphrase(lambda: passphrase, CHEAP))
    with pytest.raises(KeyRefused):
        admin.rekey(Passphrase(lambda: passphrase, CHEAP))
    with pytest.raises(KeyRefused):
        admin.export("ada", tmp_path / "export", passphrase, CHEAP)
    assert not (tmp_path / "export").exists()
    assert admin.store.kind == "file"


def test_what_has_a_short_passphrase_from_earlier_still_opens(tmp_path, make, monkeypatch):
    short = Passphrase(lambda: "abc", CHEAP)
    monkeypatch.setattr(key_sources, "check_new_passphrase", lambda _: None)
    monkeypatch.setattr(passphrase_box, "check_new_passphrase", lambda _: None)
    Store(tmp_path / "old", short).close()
    sealed = seal_export(make(), "abc", CHEAP)
    monkeypatch.undo()
    assert Store(tmp_path / "old", short).names() == []
    assert open_export(sealed, "abc").name == "ada"


def test_eight_characters_are_taken(tmp_path):
    assert Store(tmp_path / "new", Passphrase(lambda: "eightsig", CHEAP)).kind == "passphrase"
