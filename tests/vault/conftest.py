"""What the vault's tests share: people who do not exist, and a vault to put them in."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from onlyme.storage.template import Template

Vectors = Callable[[int], NDArray[np.float32]]
Make = Callable[..., Template]


@pytest.fixture
def vectors() -> Vectors:
    """Rows of unit length, drawn with a seed."""
    generator = np.random.default_rng(3)

    def draw(rows: int) -> NDArray[np.float32]:
        drawn = generator.standard_normal((rows, 128))
        return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)

    return draw


@pytest.fixture
def make(vectors: Vectors) -> Make:
    """A template of a person who does not exist."""

    def made(name: str = "ada", **values: object) -> Template:
        held = {"me": vectors(5), "not_me": vectors(3), "alpha": 0.3, **values}
        secret = {"me": "me", "not_me": "others"}
        return Template(name, "ab" * 32, datetime.now(UTC), held, secret)

    return made
