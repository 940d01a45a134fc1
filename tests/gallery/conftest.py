"""Make galleries of people who do not exist, each beside a vault of its own."""

import numpy as np
import pytest

from onlyme.faceid import networks, wiring
from onlyme.gallery.gallery import GalleryPerson
from onlyme.settings import Settings


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


class Crowd:
    """Embeddings of people who do not exist, drawn with a seed.

    A photo is its person's direction plus noise; two photos of one person have a cosine of
    about 0.74, as the network gives.
    """

    def __init__(self, seed=0, dimension=128):
        self.random = np.random.default_rng(seed)
        self.dimension = dimension

    def strangers(self, count):
        return unit(self.random.standard_normal((count, self.dimension)))

    def photos(self, person, count=1):
        chance = self.strangers(count) * 0.6
        return unit(person + chance)

    def people(self, count, photos=1):
        """People, and the directions that more photos of them can be drawn from."""
        directions = self.strangers(count)
        drawn = [self.photos(direction, photos) for direction in directions]
        return [GalleryPerson(f"person {n}", me) for n, me in enumerate(drawn)], directions


@pytest.fixture
def crowd():
    return Crowd()


@pytest.fixture
def settings(tmp_path):
    return Settings.load(vault=tmp_path / "vault")


@pytest.fixture
def opens(settings):
    """A function that opens the people of one vault, each time as a new object."""
    opened = []

    def opening():
        keeping = wiring.open_vault(settings)
        opened.append(keeping)
        everybody = wiring.make_enrolled(settings, keeping, networks.load_base(settings))
        opened.append(everybody)
        return everybody

    yield opening
    for one in reversed(opened):
        one.close()


@pytest.fixture
def gallery(opens):
    return opens().ensure_gallery()
