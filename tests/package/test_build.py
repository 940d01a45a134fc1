"""A wheel carries the networks or is not built; the package's texts come from the code."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from onlyme.cli.app import COMMANDS
from onlyme.face.models import read_manifest

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
BUILD = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")


@pytest.fixture
def checkout(tmp_path):
    """A copy of what a wheel is built from."""
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PACKAGING, copy / "packaging")
    for name in ("pyproject.toml", "README.md", "LICENSE", "THIRD_PARTY_NOTICES.md"):
        shutil.copy(ROOT / name, copy)
    return copy


def build(checkout):
    words = [*BUILD, "--wheel-dir", checkout / "dist", checkout]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_a_wheel_carries_every_network_and_says_who_made_it(checkout):
    done = build(checkout)
    assert done.returncode == 0, done.stderr
    (path,) = (checkout / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = {Path(name).name for name in wheel.namelist()}
        (metadata,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
        about = wheel.read(metadata).decode()
    assert {model.path.name for model in read_manifest().values()} <= names
    for field in ("Author", "Project-URL", "Classifier", "License-Expression"):
        assert re.search(rf"^{field}: \S", about, re.MULTILINE), field


@pytest.mark.parametrize("name", ["embedder", "liveness", "canonical"])
@pytest.mark.parametrize("harm", ["missing", "altered"])
def test_without_a_network_there_is_no_wheel(checkout, name, harm):
    file = checkout / "src/onlyme/face/models" / read_manifest()[name].path.name
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1])
    done = build(checkout)
    assert done.returncode != 0
    assert file.name in done.stderr
    assert "make models" in done.stderr
    assert not list(checkout.glob("dist/*.whl"))


def test_every_command_has_a_man_page_without_mistakes(tmp_path):
    command = [sys.executable, PACKAGING / "man_pages.py", tmp_path]
    subprocess.run(command, check=True, timeout=120)
    pages = {path.name: path for path in tmp_path.rglob("*.?")}
    assert set(pages) == {"onlyme.1", "onlyme-pam.8", *(f"onlyme-{name}.1" for name in COMMANDS)}
    for path in pages.values():
        text = path.read_text("utf-8")
        assert text.startswith(".TH ONLYME")
        assert ".SH NAME\n" in text
    assert "teardown" in pages["onlyme-unlock.1"].read_text("utf-8")
    if not shutil.which("groff"):
        return
    for path in pages.values():
        words = ["groff", "-K", "utf8", "-man", "-Tutf8", "-ww", path]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert done.stderr == "", path.name


@pytest.mark.parametrize("name", ["debian/postinst", "debian/prerm", "debian/postrm", "try.sh"])
def test_the_scripts_are_scripts(name):
    done = subprocess.run(
        ["sh", "-n", PACKAGING / name], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_each_override_of_lintian_has_a_reason():
    lines = (PACKAGING / "debian/lintian-overrides").read_text("utf-8").splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if not line.startswith("#"):
            assert before.startswith(("#", "onlyme: ")), line
            assert "usr/lib/onlyme" in line or "etc/onlyme" in line, "only for what we bundle"


def test_the_helper_stays_until_its_lines_are_out_of_pam(tmp_path):
    """The script that runs before removal, with a /etc/pam.d of its own and no working Python."""
    pam = tmp_path / "pam.d"
    pam.mkdir()
    ours = "auth x pam_exec.so /usr/lib/onlyme/bin/python -I /usr/lib/onlyme/bin/onlyme-pam"
    before = "auth required pam_unix.so\n"
    (pam / "login").write_text(f"{ours} # onlyme unlock\n{before}")
    (pam / "other").write_text(before)
    script = (PACKAGING / "debian/prerm").read_text("utf-8").replace("/etc/pam.d", str(pam))
    script = script.replace("/usr/lib/onlyme/bin/onlyme unlock", "/nonexistent/onlyme unlock")
    script = script.replace("find /usr/lib/onlyme", f"find {tmp_path}")

    def remove():
        variables = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        words = ["sh", "-c", script, "prerm", "remove"]
        return subprocess.run(words, capture_output=True, text=True, check=False, env=variables)

    assert remove().returncode == 0
    assert {path.read_text() for path in pam.iterdir()} == {before}
    (pam / "login").write_text(f"{ours}\n{before}")  # written by hand, without our mark
    done = remove()
    assert done.returncode == 1
    assert "take these lines out first" in done.stderr
