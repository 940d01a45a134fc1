"""Provide a booted Debian to the tests in here."""

import os

import pytest

from tests.machine.desk import USER, Desk, find_binds
from tests.unlock.conftest import clip, enrolled, films
from tools.debian.machine import Machine, find_problem
from tools.debian.tree import build_tree

__all__ = ["console", "desk", "enrolled", "films", "tree"]


@pytest.fixture(scope="session")
def tree():
    """The files of a Debian; they are built where they are missing, which takes some minutes."""
    problem = find_problem()
    if problem and os.environ.get("CI"):
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)
    return build_tree()


@pytest.fixture(scope="session")
def desk(tree, enrolled, data):
    """A booted Debian on which onlyme is set up; ada is before the camera."""
    with Machine(tree, find_binds()) as machine:
        desk = Desk(machine, enrolled)
        desk.show(clip(data, USER))
        yield desk


@pytest.fixture
def console(desk):
    """The console, where ada has logged in."""
    desk.configure()
    desk.log_in()
    yield desk.console
    desk.end_sessions()


@pytest.fixture
def screen(desk):
    """Skip a test that needs one of the kernel's consoles where there is none; fail in CI."""
    if not desk.has_screen and os.environ.get("CI"):
        pytest.fail("no console of the kernel: this computer's screen is in use")
    if not desk.has_screen:
        pytest.skip("this computer's screen is in use")
