"""A service with small limits, and a check that every attack leaves it as it was."""

import time

import pytest


@pytest.fixture(scope="module")
def running(served):
    """The service with small limits and short time-outs, so that the tests are fast."""
    with served(
        body_bytes=2**20,
        enroll_bytes=4 * 2**20,
        held_bytes=6 * 2**20,
        header_seconds=1.0,
        body_seconds=1.5,
        connections=40,
    ) as server:
        yield server


@pytest.fixture(autouse=True)
def healthy(running):
    """After each test the service must answer others as before, and hold nothing."""
    yield
    assert running.client().get("/v1/names").status_code == 200
    deadline = time.monotonic() + 20
    while running.service.uploads.held or running.service.engine.waiting:
        assert time.monotonic() < deadline, "something is still held"
        time.sleep(0.05)
    running.reset()
