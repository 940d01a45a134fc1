"""Test that the embedder is the published network, and how it refuses wrong files."""

from dataclasses import replace
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest

from onlyme.errors import ModelError, ModelRefused
from onlyme.face.align import align
from onlyme.face.embed import Embedder
from onlyme.face.models import find_model
from onlyme.image.decode import decode


def test_it_is_the_network_that_opencv_feeds(pipeline, photos):
    """OpenCV's own wrapper of SFace, given the same aligned face, is the oracle."""
    frame = decode(photos / "obama_1.jpg")
    face = pipeline.detector.detect(frame.pixels)[0]
    aligned = align(frame.pixels, face)
    oracle = cv2.FaceRecognizerSF.create(str(find_model("embedder").path), "")
    expected = oracle.feature(cv2.cvtColor(aligned, cv2.COLOR_RGB2BGR)).ravel()
    vector = pipeline.embedder.embed(aligned).vector
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_unit_length_and_the_network_s_hash(pipeline):
    embedding = pipeline.embedder.embed(np.full((112, 112, 3), 90, np.uint8))
    assert embedding.vector.shape == (128,)
    assert embedding.vector.dtype == np.float32
    assert np.linalg.norm(embedding.vector) == pytest.approx(1, abs=1e-6)
    assert embedding.model == find_model("embedder").sha256
    assert not embedding.vector.flags.writeable


def test_several_threads_get_their_own_answers(pipeline):
    inputs = [np.full((112, 112, 3), 20 * k, np.uint8) for k in range(6)]
    alone = [pipeline.embedder.embed(pixels).vector for pixels in inputs]
    together = {}

    def work(k):
        for _ in range(5):
            together[k] = pipeline.embedder.embed(inputs[k]).vector

    threads = [Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, vector in enumerate(alone):
        np.testing.assert_allclose(together[k], vector, atol=1e-6)


def test_a_file_that_is_no_network(tmp_path):
    import hashlib

    path = tmp_path / "bad.onnx"
    path.write_bytes(b"no network")
    model = replace(
        find_model("embedder"), path=path, sha256=hashlib.sha256(b"no network").hexdigest()
    )
    with pytest.raises(ModelRefused, match=r"bad\.onnx cannot be loaded"):
        Embedder(model)


def test_a_network_of_another_length(pipeline):
    model = replace(find_model("embedder"), dimension=64)
    with pytest.raises(ModelError, match="128 numbers, 64 expected"):
        Embedder(model).embed(np.zeros((112, 112, 3), np.uint8))


def test_an_embedding_never_prints_its_numbers(pipeline):
    embedding = pipeline.embedder.embed(np.full((112, 112, 3), 90, np.uint8))
    assert str(float(embedding.vector[0]))[:6] not in repr(embedding)
    assert Path(find_model("embedder").path).name not in repr(embedding)
