"""A real server in a thread, over a vault that knows two people."""

import contextlib
import threading
import time

import httpx
import pytest
import uvicorn

from onlyme import FaceID, wiring
from onlyme.serve.options import Options
from onlyme.serve.server import config
from onlyme.serve.tokens import Scope, Tokens
from onlyme.settings import Settings


class Running:
    """A server that runs, its vault, and a token for each scope."""

    def __init__(self, server, settings, secrets):
        self.server = server
        self.clients = contextlib.ExitStack()
        self.settings = settings
        self.secrets = secrets
        self.service = server.config.app.state.service
        self.port = server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def client(self, scope="admin", **more):
        """Ask with a token of this scope, or with none."""
        headers = {"Authorization": f"Bearer {self.secrets[scope]}"} if scope else {}
        headers |= more.pop("headers", {})
        asks = httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, **more)
        return self.clients.enter_context(asks)

    @contextlib.contextmanager
    def keeping(self):
        with wiring.keeping(self.settings) as opened:
            yield opened


@contextlib.contextmanager
def serving(settings, **options):
    """Run the service on a free port until the block ends."""
    with wiring.keeping(settings) as keeping:
        secrets = {
            str(scope): Tokens(keeping).create(f"test {scope}", scope, None, 10_000)
            for scope in Scope
        }
    server = uvicorn.Server(config(settings, Options(port=0, **options)))
    failures = []

    def run():
        try:
            server.run()
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive(), failures or "the server ended"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    running = Running(server, settings, secrets)
    try:
        with running.clients:
            yield running
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the server does not end"
    assert not failures


@pytest.fixture(scope="session")
def people(tmp_path_factory, photos):
    """The settings of a vault that knows two people."""
    folder = tmp_path_factory.mktemp("people") / "vault"
    with FaceID.open(folder) as face_id:
        face_id.enroll("obama", [photos / f"obama_{number}.jpg" for number in (1, 2, 4)])
        face_id.enroll("biden", [photos / "biden_1.jpg"])
    return Settings.load(vault=folder)


@pytest.fixture(scope="module")
def running(people, tmp_path_factory):
    """A server over a copy of that vault, so that each module starts afresh."""
    import shutil
    from dataclasses import replace

    folder = tmp_path_factory.mktemp("served") / "vault"
    shutil.copytree(people.vault, folder)
    folder.chmod(0o700)
    with serving(replace(people, vault=folder)) as server:
        yield server
