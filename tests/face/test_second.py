"""Test that a second look joins another network's view and the mirror image's."""

import numpy as np
import pytest

from onlyme.face.models import find_model
from onlyme.face.second import SecondEmbedder, SecondEmbedding
from onlyme.faceid import networks
from onlyme.types import Embedding


class PixelEmbedder:
    """Embeds a face as its first pixels."""

    def __init__(self, model, dimension, column):
        self.model, self.dimension, self.size = model, dimension, 112
        self._column = column

    def embed(self, aligned):
        values = aligned[: self.dimension, self._column, 0].astype(np.float32)
        return Embedding(values / np.linalg.norm(values), self.model)


@pytest.fixture
def face():
    return np.random.default_rng(0).integers(1, 256, (112, 112, 3), np.uint8)


def test_the_first_network_sees_the_mirror_image_and_the_other_one_the_face(face):
    look = SecondEmbedder(PixelEmbedder("a" * 64, 3, 0), PixelEmbedder("b" * 64, 5, 0))
    seen = look.embed(face)
    assert look.dimension == seen.vector.size == 8
    other = face[:3, 0, 0] / np.linalg.norm(face[:3, 0, 0])
    mirrored = face[:5, -1, 0] / np.linalg.norm(face[:5, -1, 0].astype(float))
    np.testing.assert_allclose(seen.vector, np.concatenate([other, mirrored]) / 2**0.5, atol=1e-6)
    assert np.linalg.norm(seen.vector) == pytest.approx(1, abs=1e-6)


def test_its_name_changes_with_either_network():
    names = {
        SecondEmbedder(PixelEmbedder(one, 3, 0), PixelEmbedder(two, 5, 0)).model
        for one in ("a" * 64, "b" * 64)
        for two in ("a" * 64, "b" * 64)
    }
    assert len(names) == 4
    assert all(len(name) == 64 for name in names)


def test_the_shipped_one_loads_neither_network_twice():
    look = networks.load_second()
    assert networks.load_second() is look
    assert look.dimension == find_model("second").dimension + find_model("embedder").dimension
    assert look._first is networks._load_embedder("opencv", "embedder", networks.SHIPPED)


def test_a_face_is_looked_at_once(face):
    looks = []

    class Counting(PixelEmbedder):
        def embed(self, aligned):
            looks.append(aligned)
            return super().embed(aligned)

    seen = SecondEmbedding(lambda: Counting("a" * 64, 3, 0), face, steady=False)
    assert seen.compute() is seen.compute()
    assert len(looks) == 1
