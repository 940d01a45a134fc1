"""Keep a key in a credential of systemd: bound to a TPM, moved to and away, recovered."""

import os
import shutil
import socket
import subprocess
import time
from ctypes.util import find_library

import pytest

from onlyme.errors import KeyMissing, KeyRefused, VaultDamaged
from onlyme.vault import credential
from onlyme.vault.credential import Credential
from onlyme.vault.key_sources import KeyFile, ScryptCost
from onlyme.vault.store import Store

CHEAP = ScryptCost(n=2**4, r=8, p=1)
PASSPHRASE = "four random words here"  # noqa: S105 - made up for these tests
SYSTEM = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("systemd-creds"),
    reason="only root can seal a credential, and systemd-creds does it",
)
TPM = pytest.mark.skipif(
    not (
        shutil.which("swtpm") and shutil.which("tpm2_pcrextend") and find_library("tss2-tcti-swtpm")
    ),
    reason="needs swtpm, its library for programs, and tpm2-tools",
)
pytestmark = [SYSTEM, pytest.mark.xdist_group("tpm")]


def find_ports():
    """Return two neighbouring free ports, as swtpm's library expects them."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
        return port


class Tpm:
    """A TPM in software, with a state of its own."""

    def __init__(self, folder):
        folder.mkdir()
        port = find_ports()
        self.device = f"swtpm:host=127.0.0.1,port={port}"
        words = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}"]
        words += ["--server", f"type=tcp,port={port}", "--flags", "startup-clear,not-need-init"]
        self.process = subprocess.Popen([*words, "--ctrl", f"type=tcp,port={port + 1}"])
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port + 1)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the TPM did not start")

    def extend(self, register):
        """Change a register as another boot would."""
        words = ["tpm2_pcrextend", "-T", self.device, f"{register}:sha256={'ab' * 32}"]
        subprocess.run(words, check=True, capture_output=True)

    def flush(self):
        """Forget what earlier programs left, as the kernel does when a program closes a TPM."""
        for kind in ("--loaded-session", "--transient-object"):
            words = ["tpm2_flushcontext", "-T", self.device, kind]
            subprocess.run(words, check=True, capture_output=True)

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def make_tpm(tmp_path, monkeypatch):
    made = []
    run = credential._run

    def run_after_flushing(words, given):
        for tpm in made:
            tpm.flush()
        return run(words, given)

    monkeypatch.setattr(credential, "_run", run_after_flushing)

    def make():
        made.append(Tpm(tmp_path / f"tpm{len(made)}"))
        return made[-1]

    yield make
    for tpm in made:
        tpm.close()


@pytest.fixture
def host(tmp_path):
    """A credential that is bound to this machine's disk."""
    return Credential(tmp_path / "etc" / "vault.cred", cost=CHEAP)


def write(store, name="x", body=b"content"):
    with store.edit() as edit:
        edit.write("thing", name, body)


def read(folder, *sources):
    store = Store(folder, *sources)
    try:
        return store.read("thing", "x"), store.kind, store.bound
    finally:
        store.close()


def test_a_new_vault_bound_to_the_disk(tmp_path, host):
    store = Store(tmp_path / "vault", host)
    write(store)
    store.close()
    assert read(tmp_path / "vault", host) == (b"content", "credential", "host")
    sealed = host.path.read_bytes()
    assert b"onlyme-key" not in sealed
    assert host.path.stat().st_mode & 0o777 == 0o600


def test_moving_to_it_and_away_keeps_the_vault(tmp_path, host):
    file, folder = KeyFile(tmp_path / "vault.key"), tmp_path / "vault"
    asked = host._replace(recovery=lambda: PASSPHRASE)
    store = Store(folder, file)
    write(store)
    store.rekey(asked)
    store.close()
    assert not file.path.exists(), "the old key would still be on the disk"
    assert read(folder, file, host)[:2] == (b"content", "credential")
    store = Store(folder, file, host)
    store.rekey(file)
    store.close()
    assert read(folder, file)[:2] == (b"content", "file")
    assert list(host.path.parent.iterdir()) == []


@pytest.mark.parametrize("harm", ["missing", "cut", "another", "empty"])
def test_a_key_that_is_gone_is_recovered_with_the_passphrase(tmp_path, host, harm):
    folder = tmp_path / "vault"
    file = KeyFile(tmp_path / "vault.key")
    store = Store(folder, file)
    write(store)
    store.rekey(host._replace(recovery=lambda: PASSPHRASE))
    store.close()
    other = Credential(tmp_path / "other" / "vault.cred")
    other.make(replace=False)
    harms = {
        "cut": host.path.read_bytes()[:-20],
        "another": (tmp_path / "other" / "vault.cred.new").read_bytes(),
        "empty": b"",
    }
    if harm == "missing":
        host.path.unlink()
    else:
        host.path.write_bytes(harms[harm])
    with pytest.raises((KeyMissing, KeyRefused)):
        read(folder, host)
    with pytest.raises(KeyRefused):
        read(folder, host._replace(recovery=lambda: "another passphrase"))
    recovering = host._replace(recovery=lambda: PASSPHRASE)
    store = Store(folder, recovering)
    store.rekey(recovering)
    store.close()
    assert read(folder, host)[0] == b"content"


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_key_that_is_sealed_anew_is_not_erased_as_the_old_one(tmp_path, host, is_gone):
    """As the commands do it: what asks for the passphrase is another function each time."""
    store = Store(tmp_path / "vault", host)
    write(store)
    store.rekey(host._replace(recovery=lambda: PASSPHRASE))  # only to set a recovery passphrase
    store.close()
    assert read(tmp_path / "vault", host)[0] == b"content"
    if is_gone:
        host.path.unlink()
    store = Store(tmp_path / "vault", host._replace(recovery=lambda: PASSPHRASE))
    store.rekey(host._replace(recovery=lambda: f"another {PASSPHRASE}"))
    store.close()
    assert read(tmp_path / "vault", host)[0] == b"content"
    host.path.unlink()
    again = host._replace(recovery=lambda: f"another {PASSPHRASE}")
    assert read(tmp_path / "vault", again)[0] == b"content"


@pytest.mark.parametrize("harm", ["missing", "cut", "empty"])
@pytest.mark.parametrize("asks", [False, True])
def test_a_key_that_is_gone_without_a_recovery_says_what_is_left(tmp_path, host, harm, asks):
    """A new vault has no recovery passphrase: none is asked for, and none is called wrong."""
    store = Store(tmp_path / "vault", host)
    write(store)
    store.close()
    sealed = host.path.read_bytes()
    if harm == "missing":
        host.path.unlink()
    else:
        host.path.write_bytes(sealed[:-20] if harm == "cut" else b"")
    asked = []
    source = host._replace(recovery=lambda: asked.append(1) or PASSPHRASE) if asks else host
    with pytest.raises((KeyMissing, KeyRefused), match="there is no recovery passphrase") as told:
        read(tmp_path / "vault", source)
    assert "--recover" not in str(told.value)
    assert not asked
    host.path.touch(mode=0o600)
    host.path.write_bytes(sealed)
    assert read(tmp_path / "vault", host)[0] == b"content"


def test_a_key_without_its_vault_makes_no_new_one(tmp_path, host):
    Store(tmp_path / "vault", host).close()
    with pytest.raises(VaultDamaged, match="a vault that is gone"):
        Store(tmp_path / "another", host)


def test_a_short_recovery_passphrase_changes_nothing(tmp_path, host):
    file = KeyFile(tmp_path / "vault.key")
    store = Store(tmp_path / "vault", file)
    write(store)
    with pytest.raises(KeyRefused, match="at least"):
        store.rekey(host._replace(recovery=lambda: "short"))
    store.close()
    assert read(tmp_path / "vault", file, host)[:2] == (b"content", "file")


@TPM
def test_another_tpm_refuses_and_the_vault_stays_whole(tmp_path, host, make_tpm):
    mine, other = make_tpm(), make_tpm()
    bound = host._replace(device=mine.device)
    store = Store(tmp_path / "vault", bound)
    write(store)
    store.close()
    before = (tmp_path / "vault/vault.sqlite").read_bytes()
    assert read(tmp_path / "vault", bound)[1:] == ("credential", "tpm2")
    with pytest.raises(KeyRefused, match="does not unseal"):
        read(tmp_path / "vault", bound._replace(device=other.device))
    assert (tmp_path / "vault/vault.sqlite").read_bytes() == before
    assert read(tmp_path / "vault", bound)[0] == b"content"


@TPM
def test_another_boot_refuses_until_the_recovery(tmp_path, host, make_tpm):
    tpm, folder = make_tpm(), tmp_path / "vault"
    bound = host._replace(device=tpm.device)
    file = KeyFile(tmp_path / "vault.key")
    store = Store(folder, file)
    write(store)
    store.rekey(bound._replace(recovery=lambda: PASSPHRASE))
    store.close()
    assert read(folder, bound)[0] == b"content"
    tpm.extend(7)
    with pytest.raises(KeyRefused, match="recovery passphrase"):
        read(folder, bound)
    recovering = bound._replace(recovery=lambda: PASSPHRASE)
    store = Store(folder, recovering)
    store.rekey(recovering)
    store.close()
    assert read(folder, bound)[0] == b"content"
