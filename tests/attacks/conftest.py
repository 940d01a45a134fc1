"""What the attacker's tests share: a vault of a person who does not exist, and a real login."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from onlyme.gate.admission import Gate
from onlyme.storage.template import Template
from onlyme.vault.admin import VaultAdmin
from onlyme.vault.store import Store
from tests.unlock.conftest import empty, enrolled, films, stack

__all__ = ["admin", "empty", "enrolled", "films", "folder", "make", "stack"]

MakeTemplate = Callable[..., Template]


@pytest.fixture
def make() -> MakeTemplate:
    """Make a template of a person who does not exist."""
    generator = np.random.default_rng(3)

    def make_template(name: str = "ada", **values: object) -> Template:
        drawn = generator.standard_normal((8, 128)).astype(np.float32)
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        held = {"me": drawn[:5], "not_me": drawn[5:], "alpha": 0.3, **values}
        secret = {"me": "me", "not_me": "others"}
        return Template(name, "ab" * 32, datetime.now(UTC), held, secret)

    return make_template


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a vault."""
    return tmp_path / "vault"


@pytest.fixture
def admin(folder: Path, make: MakeTemplate) -> Iterator[VaultAdmin]:
    """A vault with ada in it."""
    store = Store(folder)
    with store.edit() as edit:
        edit.put(make("ada"))
    with VaultAdmin(store, Gate(store)) as admin:
        yield admin
