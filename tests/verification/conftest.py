"""A scene before a door's camera, and a vault that knows one of its people."""

from itertools import islice

import numpy as np
import pytest

from onlyme import FaceID
from onlyme.image.sources import read_frames
from tests.verification.doors import half


@pytest.fixture(scope="module")
def scene(data):
    """The owner alone, then with a stranger, then the stranger alone, then no one: 20 each."""
    empty = np.full((480, 320, 3), 90, np.uint8)
    owner, stranger = (list(half(data, f"{name}_live", 40)) for name in ("tranvan", "lestari"))
    left = [*owner, *[empty] * 40]
    right = [*[empty] * 20, *stranger, *[empty] * 20]
    return [np.ascontiguousarray(np.hstack(pair)) for pair in zip(left, right, strict=True)]


@pytest.fixture(scope="module")
def vault(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("door") / "vault"
    (folder.parent / "tran.mp4").symlink_to(data / "clips/tranvan_live.mp4")
    with FaceID.open(folder) as face_id:
        face_id.enroll(
            "tran", list(islice(read_frames(data / "clips/tranvan_live.mp4"), 60, 160, 25))
        )
    return folder


@pytest.fixture(scope="module")
def stranger(data):
    """A stranger alone: 40 frames."""
    return list(half(data, "lestari_live", 40))
