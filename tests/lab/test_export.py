"""Export: the file computes the same as the network, and the product can use it."""

import tomllib

import cv2
import numpy as np
import pytest
import torch

from onlyme.errors import ModelError, UsageError
from onlyme.face.embed import Embedder
from onlyme.face.models import find_model
from onlyme.lab import onnx_file as module
from onlyme.lab.networks import Article, Compact, to_tensor
from onlyme.lab.onnx_file import export, get_embedder
from onlyme.lab.spec import Spec
from onlyme.lab.trainer import train
from onlyme.runtime import openvino


@pytest.fixture(scope="module")
def faces(people):
    return np.concatenate([faces[:2] for faces in people.faces[:4]])


def distances(vectors):
    return np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)


def test_a_trained_network_becomes_the_products_embedder(photos, faces, tmp_path):
    trained = train(photos, Spec("compact", limit=10))
    done = export(get_embedder(trained), "mine", tmp_path, faces)
    embedder = Embedder(find_model("mine", tmp_path))
    product = np.stack([embedder.embed(face).vector for face in faces])
    with torch.no_grad():
        ours = trained.network.embedder(to_tensor(faces)).numpy()
    assert np.abs(distances(product) - distances(ours)).max() <= 1e-4
    assert done.difference <= 1e-4
    assert (embedder.dimension, embedder.size) == (64, 112)
    assert embedder.model == done.sha256


def test_the_file_takes_any_number_of_faces_in_every_runtime(faces, tmp_path, monkeypatch):
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    embedder = Compact(8)
    path = export(embedder, "mine", tmp_path, faces).path
    with torch.no_grad():
        expected = embedder(to_tensor(faces)).numpy()
    net = cv2.dnn.readNetFromONNX(str(path))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    load = openvino.OpenVinoEngine().load_network(path.read_bytes(), exact=True)

    def run_opencv(blob):
        net.setInput(blob)
        return net.forward()

    def run_onnx(blob):
        return session.run(None, {"data": blob})[0]

    for run in (run_opencv, run_onnx, lambda blob: load(blob)[0]):
        for count in (1, 5, 2, len(faces)):
            found = run(cv2.dnn.blobFromImages(list(faces[:count]), 1 / 255))
            np.testing.assert_allclose(found, expected[:count], atol=1e-5)


def test_the_articles_network_can_be_exported_at_unit_length(faces, tmp_path):
    done = export(Article(faithful=False, unit=True), "article", tmp_path, faces)
    assert done.difference <= 1e-4
    assert done.dimension == 16


def test_entries_stand_beside_one_another_and_are_replaced_when_asked(faces, tmp_path):
    one = export(Compact(8), "one", tmp_path, faces, title='a "quoted" \\ title')
    export(Compact(8), "two", tmp_path, faces)
    with pytest.raises(UsageError, match="--replace"):
        export(Compact(8), "one", tmp_path, faces)
    other = export(Compact(8), "one", tmp_path, faces, replace=True)
    entries = tomllib.loads((tmp_path / "manifest.toml").read_text())
    assert set(entries) == {"one", "two"}
    assert entries["one"]["sha256"] == other.sha256
    assert one.path.exists(), "a process that has the old file open keeps it"
    assert find_model("two", tmp_path).needed_for == "--embedder two"


def test_a_file_that_computes_something_else_is_not_exported(faces, tmp_path, monkeypatch):
    """The check finds a file that holds another network than the trained one."""
    make_onnx = module._make_onnx
    monkeypatch.setattr(module, "_make_onnx", lambda *_: make_onnx(Compact(8), 112))
    with pytest.raises(ModelError, match="differ"):
        export(Compact(8), "wrong", tmp_path, faces)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["embedder", "Mine", "../up", "", "a" * 41])
def test_a_name_that_is_not_allowed_is_refused(name, faces, tmp_path):
    with pytest.raises(UsageError, match="cannot be the name"):
        export(Compact(8), name, tmp_path, faces)


def test_networks_without_embeddings_of_unit_length_are_refused(photos, faces, tmp_path):
    with pytest.raises(UsageError, match="--unit"):
        export(Compact(8, unit=False), "long", tmp_path, faces)
    with pytest.raises(UsageError, match="two or more aligned faces"):
        export(Compact(8), "few", tmp_path, faces[:1])
    with pytest.raises(UsageError, match="makes no embeddings"):
        get_embedder(train(photos, Spec("classifier", limit=1)))


def test_a_network_of_whole_photos_gets_whole_photos_in_the_product(tmp_path):
    """The product feeds it what it was trained on, and not aligned faces."""
    from onlyme.face.align import cut_out, squeeze
    from onlyme.types import Face

    source = np.random.default_rng(0)
    whole = source.integers(0, 256, (3, 300, 200, 3), np.uint8)
    small = np.stack([squeeze(pixels, 244) for pixels in whole])
    network = Compact(8, whole=True)
    export(network, "whole", tmp_path, small, whole=True)
    embedder = Embedder(find_model("whole", tmp_path))
    assert (embedder.whole, embedder.size) == (True, 244)
    face = Face(np.array([50, 50, 90, 90], np.float32), np.ones((5, 2), np.float32), 0.9)
    product = np.stack([embedder.embed(cut_out(p, face, embedder)).vector for p in whole])
    with torch.no_grad():
        ours = network.eval()(to_tensor(small)).numpy()
    assert np.abs(product - ours).max() < 1e-4
    with pytest.raises(UsageError, match="whole photos"):
        export(network, "wrong", tmp_path, small)
