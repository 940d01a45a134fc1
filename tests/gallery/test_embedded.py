"""The store that needs no server keeps the contract."""

import pytest

from onlyme.gallery.embedded import Embedded
from tests.gallery.contract import DIMENSION, Contract

MODEL = "ab" * 32


class TestEmbedded(Contract):
    @pytest.fixture
    def opens(self, tmp_path):
        return lambda: Embedded(tmp_path / "gallery.sqlite", MODEL, DIMENSION)
