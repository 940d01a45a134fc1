"""The vault's commands; no network is needed for any of them."""

import json
import os
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from onlyme.cli.app import app
from onlyme.errors import OnlymeError
from onlyme.faceid import networks
from onlyme.gate.admission import Gate
from onlyme.gate.password import is_login_password
from onlyme.settings import Settings
from onlyme.siamese.distance import normalize
from onlyme.siamese.examples import Examples
from onlyme.siamese.owner import Owner
from onlyme.vault.store import Store
from tests.vault.hostility import NO_MATCH


@pytest.fixture
def onlyme(folder, tmp_path, vectors):
    store = Store(folder)
    base = networks.load_base(Settings.load(vault=folder))
    me = normalize(vectors(1) + 0.02 * vectors(5))
    examples = replace(Examples.make_empty(base.dimension), me=me)
    with store.edit() as edit:
        edit.put(Owner.learn(base, "ada", examples).to_template())
    gate = Gate(store)
    for _ in range(5):
        gate.decide("ada", "camera 0", lambda: NO_MATCH)
    store.close()

    def run(*arguments, expect=0, words="", **environment):
        env = {"ONLYME_CONFIG": str(tmp_path / "config.toml"), **environment}
        words_of = [*map(str, arguments), "--vault", str(folder)]
        ran = CliRunner().invoke(app, words_of, input=words, env=env)
        if expect == 2:  # `main` makes exit code 2 and a line on stderr of these
            assert isinstance(ran.exception, OnlymeError), ran.output
            return str(ran.exception)
        assert ran.exit_code == 0, ran.exception
        return ran.stdout

    (tmp_path / "config.toml").write_text("")
    return run


def test_status_reset_audit(onlyme):
    status = json.loads(onlyme("status", "--json"))
    assert status["key"] == "file"
    assert status["people"] == 1
    (standing,) = status["attempts"]
    assert standing["tries"] == 0
    assert 0 < standing["wait_seconds"] <= 300
    if os.geteuid() == 0:
        onlyme("reset", "ada")
        assert json.loads(onlyme("status", "--json"))["attempts"] == []
    else:
        assert "password" in onlyme("reset", "ada", expect=2)
    lines = json.loads(onlyme("audit", "--owner", "ada", "--json"))
    assert [line["reason"] for line in lines[:5]] == ["no_match"] * 5
    assert "none changed" in onlyme("audit", "verify")
    assert onlyme("audit", "--since", "2999-01-01") == ""


def test_export_forget_import_backup_revoke_rekey(onlyme, tmp_path):
    out = tmp_path / "ada.onlyme"
    onlyme("export", "ada", out, words="four good words\n")
    onlyme("backup", tmp_path / "copy")
    onlyme("revoke", "ada")
    assert "enrolled already" in onlyme("import", out, words="four good words\n", expect=2)
    onlyme("import", out, "--name", "ada two", "--anyway", words="four good words\n")
    assert "passphrase" in onlyme("import", out, "--name", "b", words="other\n", expect=2)
    onlyme("rekey", "--to", "passphrase", words="four good words\n")
    assert "passphrase" in onlyme("status", expect=2)
    secret = {"ONLYME_PASSPHRASE": "four good words"}
    assert json.loads(onlyme("status", "--json", **secret))["people"] == 2
    assert "key: passphrase" in onlyme("status", expect=2, ONLYME_KEY="file")
    onlyme("rekey", "--to", "file", **secret)
    assert json.loads(onlyme("status", "--json"))["key"] == "file"


def test_a_damaged_log_is_told_with_exit_code_2(onlyme, folder):
    import sqlite3

    database = sqlite3.connect(folder / "vault.sqlite")
    database.execute("UPDATE log SET body = zeroblob(80) WHERE seq = 2")
    database.commit()
    database.close()
    assert "entry 2" in onlyme("audit", "verify", expect=2)


@pytest.mark.skipif(not os.access("/sbin/unix_chkpwd", os.X_OK), reason="needs pam_unix's helper")
def test_a_wrong_login_password_is_refused():
    assert not is_login_password("surely not this")


@pytest.mark.parametrize(
    "command", [["status"], ["audit"], ["revoke", "ada"], ["rekey"], ["adapt", "ada"]]
)
def test_reading_makes_no_vault(tmp_path, command):
    nowhere = tmp_path / "typo"
    ran = CliRunner().invoke(app, [*command, "--vault", str(nowhere)])
    assert isinstance(ran.exception, OnlymeError)
    assert "no vault at" in str(ran.exception)
    assert not nowhere.exists()
