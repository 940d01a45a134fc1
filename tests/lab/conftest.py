"""Fixtures of the lab's tests. Torch is an extra: without it they are not collected."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from onlyme.lab.people import People
from onlyme.lab.photos import Photos
from onlyme.lab.synthetic import draw_synthetic_faces

if find_spec("torch") is None:
    collect_ignore_glob = ["*"]


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Small networks gain nothing from a second thread, and lose much beside other tests."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def photos() -> Photos:
    """Five drawn photos of one person, and one each of seven others."""
    faces = draw_synthetic_faces(8, 5)
    return Photos(faces[0], faces[1:, 0])


@pytest.fixture(scope="session")
def people() -> People:
    """Sixteen drawn people with seven photos each."""
    faces = draw_synthetic_faces(16, 7)
    return People(tuple(f"person {index}" for index in range(16)), tuple(faces))


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The environment of a process that imports onlyme from this checkout."""
    source = str(Path(__file__).parents[2] / "src")
    return {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1", "PYTHON": sys.executable}


@pytest.fixture(scope="session")
def load_drawn():
    """Reads files that are aligned faces already, in place of detection and alignment."""
    import cv2

    def load(path: Path):
        return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])

    return load
