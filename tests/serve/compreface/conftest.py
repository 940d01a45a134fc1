"""Services with the routes of CompreFace, and its own client."""

import importlib
import sys
import types

import pytest

from tests.serve.compreface.asking import ROOT


@pytest.fixture(scope="module")
def alike(served):
    """A service with these routes, over a vault that knows obama and biden."""
    with served(compreface=True) as server:
        yield server


@pytest.fixture(scope="module")
def empty(served):
    """The same, for tests that change who is enrolled."""
    with served(compreface=True) as server:
        server.client().delete(f"{ROOT}/subjects")
        yield server


@pytest.fixture(autouse=True)
def afresh(request):
    yield
    for name in {"alike", "empty"} & set(request.fixturenames):
        request.getfixturevalue(name).reset()


@pytest.fixture
def sdk(monkeypatch):
    """CompreFace's client, as published.

    It needs a module that urllib3 2 has not any more, for machines of a cloud that it does not use.
    """
    gone = "urllib3.contrib.appengine"
    monkeypatch.setitem(sys.modules, gone, types.ModuleType(gone))
    return importlib.import_module("compreface")
