"""What all tests share: the real faces, where they are at hand."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real faces that ONLYME_DATA names, by default beside the project."""
    named = os.environ.get("ONLYME_DATA")
    folder = Path(named) if named else Path(__file__).parents[1] / ".." / "shared" / "data"
    if folder.is_dir():
        return folder.resolve()
    message = f"no real faces: {folder} is not a folder"
    if named and os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
