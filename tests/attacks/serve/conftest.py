"""A real service to attack, each time with all tries left."""

import pytest

from tests.serve.conftest import people, playwright, running, served  # noqa: F401 - fixtures
from tests.serve.live.conftest import photo  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def afresh(running):  # noqa: F811 - the fixture of that name
    """Every test begins with all its tries, and without guesses of names."""
    running.reset()
    guesses = getattr(running.service, "guesses", None)
    if guesses is not None:
        guesses._guesses.clear()
