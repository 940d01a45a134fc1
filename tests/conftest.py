"""What all tests share: the real faces, where they are at hand."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from onlyme.vault.store import Store
from tests import locks

locks.watch()

# A run in the background ignores Ctrl-C, and so would all programs that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test depends on how fast the machine is.
settings.register_profile("onlyme", deadline=None)
settings.load_profile("onlyme")


@pytest.fixture(autouse=True)
def locks_kept() -> Iterator[list[str]]:
    """Fail a test that opens what SQLite holds open; see `tests/locks.py`."""
    yield locks.caught
    told = "\n".join(locks.caught)
    locks.caught.clear()
    assert not told, told


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


@pytest.fixture(scope="session")
def photos() -> Path:
    """A folder with the registries' photos of public people, fetched by `make test`."""
    import platformdirs

    folder = platformdirs.user_cache_path("onlyme", appauthor=False) / "photos"
    if not folder.is_dir():
        pytest.fail(f"{folder} is missing; `make photos` fetches it")
    return folder


@pytest.fixture(scope="session")
def pipeline():
    """The real networks, loaded once."""
    from onlyme.faceid import networks
    from onlyme.settings import Settings

    return networks.make_pipeline(Settings.load())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a vault of one's own will be."""
    return tmp_path / "vault"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """An empty vault in `folder`."""
    opened = Store(folder)
    yield opened
    opened.close()


@pytest.fixture
def face_id(tmp_path):
    """A vault of one's own."""
    from onlyme import FaceID

    with FaceID.open(tmp_path / "vault") as opened:
        yield opened


@pytest.fixture
def obama(face_id, photos):
    """A vault that knows one person, from three photos."""
    face_id.enroll("obama", [photos / f"obama_{number}.jpg" for number in (1, 2, 4)])
    return face_id


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Distribute the tests; see `tests.groups`."""
    from tests.groups import GroupScheduling

    return GroupScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None
