"""Provide a booted Debian to the tests in here."""

import os

import pytest

from tools.debian.machine import find_problem
from tools.debian.tree import build_tree


@pytest.fixture(scope="session")
def tree():
    """The files of a Debian; they are built where they are missing, which takes some minutes."""
    problem = find_problem()
    if problem and os.environ.get("CI"):
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)
    return build_tree()
