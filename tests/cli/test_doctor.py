"""`onlyme doctor` on sound and on harmed installations; it changes nothing."""

import json
import shutil
from pathlib import Path

import pytest

from onlyme.cli.extras import EXTRAS
from tests.cli.conftest import Shell, sentence


def copy_package(tmp_path):
    """Return a copy of the installed package, in which files may be harmed."""
    import onlyme as package

    copy = tmp_path / "site" / "onlyme"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(package.__file__).parent, copy, ignore=ignored)
    return copy


def test_doctor_finds_all_well(obama):
    done = obama("doctor", "--json")
    findings = {finding["part"]: finding for finding in json.loads(done.stdout)}
    assert findings["model detector"]["state"] == "ok"
    assert findings["model embedder"]["state"] == "ok"
    assert "1 person enrolled, key: file" in findings["vault"]["detail"]
    assert "camera" in findings
    assert {f"extra {name}" for name in EXTRAS} <= set(findings)
    broken = any(finding["state"] == "broken" for finding in findings.values())
    assert done.returncode == (2 if broken else 0)


def list_files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("held", [(), ("notes.txt",)], ids=["empty", "other files"])
def test_a_folder_without_a_vault_stays_as_it_is(onlyme, held):
    onlyme.vault.mkdir(mode=0o700)
    for name in held:
        (onlyme.vault / name).write_text("a note")
    before = list_files(onlyme.home)
    onlyme.variables["ONLYME_RUNTIME"] = "opencv"
    findings = json.loads(onlyme("doctor", "--json").stdout)
    (vault,) = (finding for finding in findings if finding["part"] == "vault")
    assert (vault["state"], "none yet" in vault["detail"]) == ("ok", True)
    assert "no vault at" in sentence(onlyme("list"))
    assert list_files(onlyme.home) == before


def test_doctor_reports_a_vault_that_was_lost(obama):
    (obama.vault / "vault.sqlite").unlink()
    before = list_files(obama.vault)
    done = obama("doctor")
    (obama.vault / "engine.json").unlink(missing_ok=True)  # whether OpenVINO works here
    assert done.returncode == 2
    assert "holds vault.key, but no vault.sqlite" in done.stdout
    assert "→ run `onlyme restore FILE`" in done.stdout
    assert list_files(obama.vault) == before


@pytest.mark.parametrize(
    ("harm", "says", "code"),
    [
        (lambda file: file.unlink(), "not found", 2),
        (lambda file: file.write_bytes(file.read_bytes() + b"x"), "expected sha256", 2),
    ],
    ids=["missing", "altered"],
)
def test_doctor_says_what_to_do_about_a_model(tmp_path, photos, harm, says, code):
    """On a copy of the package whose embedder is harmed, as a broken install would be."""
    copy = copy_package(tmp_path)
    harm(next((copy / "face" / "models").glob("sface*.onnx")))
    shell = Shell(tmp_path)
    shell.variables["PYTHONPATH"] = copy.parent
    done = shell("doctor")
    assert done.returncode == code
    assert "✗ model embedder" in done.stdout
    assert says in done.stdout
    assert "→ run `onlyme models fetch`" in done.stdout
    assert "✓ model detector" in done.stdout
    assert says in sentence(shell("enroll", "x", photos / "obama_3.jpg"))


def test_doctor_on_altered_liveness_and_head(tmp_path):
    """What is optional may be absent; what is there must be what it says it is."""
    copy = copy_package(tmp_path)
    (liveness,) = (copy / "face" / "models").glob("*liveness*.onnx")
    (head,) = (copy / "siamese").glob("base-*.npz")
    for file in (liveness, head):
        file.write_bytes(file.read_bytes()[:-1000])
    shell = Shell(tmp_path)
    shell.variables["PYTHONPATH"] = copy.parent
    done = shell("doctor", "--json")
    states = {finding["part"]: finding["state"] for finding in json.loads(done.stdout)}
    assert done.returncode == 2
    assert (states["model liveness"], states["head"]) == ("broken", "broken")
