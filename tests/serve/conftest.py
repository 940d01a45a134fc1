"""Run a real server in a thread, over a vault with two people."""

import asyncio
import contextlib
import re
import shutil
import socket
import ssl
import threading
import time
from dataclasses import replace

import httpx
import pytest
import uvicorn

from onlyme import FaceID
from onlyme.faceid import wiring
from onlyme.serve.access.auth import REREAD_SECONDS
from onlyme.serve.access.tokens import Scope, Tokens
from onlyme.serve.options import Options
from onlyme.serve.server import make_config, open_listener
from onlyme.settings import Settings

TLS = ssl.create_default_context()  # made once: that takes longer than most requests


class Running:
    """A server that runs, its vault, and a token for each scope."""

    def __init__(self, server, port, settings, secrets):
        self.server = server
        self.clients = contextlib.ExitStack()
        self.known = {}
        self.occupied = []
        self.loop = server.servers[0].get_loop()
        self.settings = settings
        self.secrets = secrets
        self.service = server.config.app.state.service
        self.port = port
        self.url = f"http://127.0.0.1:{self.port}"

    def client(self, scope="admin"):
        """Ask with a token of this scope, or with none."""
        if scope not in self.known:
            self.known[scope] = self.browser()
            if scope:
                self.known[scope].headers["Authorization"] = f"Bearer {self.secrets[scope]}"
        return self.known[scope]

    def browser(self):
        """Ask with no token, and with the cookies that come."""
        asks = httpx.Client(
            base_url=self.url,
            timeout=60,
            trust_env=False,
            verify=TLS,
            event_hooks={"response": [self.check_documented]},
        )
        return self.clients.enter_context(asks)

    def check_documented(self, answer):
        """Check that the OpenAPI document names the status, whichever test asks."""
        method, path = answer.request.method.lower(), answer.request.url.raw_path.decode()
        if answer.headers.get("Allow"):
            return
        for template, operations in self.service_document["paths"].items():
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
            if method in operations and re.fullmatch(pattern, path.partition("?")[0]):
                responses = operations[method]["responses"]
                assert str(answer.status_code) in responses, f"{method} {path}: {answer.text}"
                return

    @property
    def service_document(self):
        """The OpenAPI document."""
        return self.server.config.app.openapi()

    def raw(self, request, *, half_close=False, seconds=30):
        """Send bytes as they are; return all that comes back until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as line:
            line.sendall(request)
            if half_close:
                line.shutdown(socket.SHUT_WR)
            answer = bytearray()
            with contextlib.suppress(ConnectionResetError):
                while piece := line.recv(65536):
                    answer += piece
            return bytes(answer)

    def occupy(self, until):
        """Keep one of the engine's threads busy until an event; return the job's future."""

        def wait(_):
            self.occupied.append(1)
            until.wait(60)
            self.occupied.pop()

        job = self.service.engine.run(wait, seconds=60)
        return asyncio.run_coroutine_threadsafe(job, self.loop)

    def busy(self):
        """How many threads `occupy` keeps busy."""
        return len(self.occupied)

    def wait(self, condition, seconds=30):
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it does not come to that"
            time.sleep(0.01)

    def wait_for_tokens(self):
        """Wait until the service has read the tokens anew."""
        time.sleep(REREAD_SECONDS + 0.1)

    def reset(self):
        """Forget failed attempts, as the password does."""
        with self.open_admin() as admin:
            admin.gate.reset()

    @contextlib.contextmanager
    def open_admin(self):
        with wiring.open_vault(self.settings) as opened:
            yield opened


@contextlib.contextmanager
def serving(settings, **options):
    """Run the service on a free port until the block ends."""
    with wiring.open_vault(settings) as admin:
        secrets = {
            str(scope): Tokens(admin).create(f"test {scope}", scope, None, 10_000)
            for scope in Scope
        }
    # The first request of each worker loads the networks: on a busy machine, seconds pass.
    chosen = Options(port=0, **{"seconds": 50.0} | options)
    server = uvicorn.Server(make_config(settings, chosen))
    listener = open_listener(chosen)
    failures = []

    def run():
        try:
            server.run([listener])
        except BaseException as error:  # noqa: BLE001 - the test reports it
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive(), failures or "the server ended"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    running = Running(server, listener.getsockname()[1], settings, secrets)
    try:
        with running.clients:
            yield running
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
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
def served(people, tmp_path_factory):
    """A function that serves a copy of that vault, so that each module starts afresh."""

    def serve(**options):
        folder = tmp_path_factory.mktemp("served") / "vault"
        shutil.copytree(people.vault, folder)
        folder.chmod(0o700)
        return serving(replace(people, vault=folder), **options)

    return serve


@pytest.fixture(scope="module")
def running(served):
    """The service as it is, with all its limits."""
    with served() as server:
        yield server


@pytest.fixture(scope="module")
def playwright():
    """What drives the browser. Of one module: while it runs, no test may run its own loop."""
    from tests.serve.browsing import needs_chromium

    needs_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started
