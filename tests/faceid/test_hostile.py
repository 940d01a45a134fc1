"""Hostile arguments: for each the answer is one of onlyme's own exceptions."""

from dataclasses import fields, is_dataclass
from importlib import import_module

import numpy as np
import pytest

from onlyme.errors import CameraError, ImageError, SettingsError, UsageError
from onlyme.face.pipeline import Observation
from onlyme.image.capture import CameraCapture
from onlyme.image.decode import decode
from onlyme.image.sources import is_folder
from onlyme.image.sources import list_photos as walk
from onlyme.settings import Settings
from onlyme.types import Embedding, Face, Frame, checked_name


def short(value):
    """A name for a case, where its own would be endless."""
    return type(value).__name__


class Path:
    """A path that returns the value it was made with."""

    def __init__(self, answer):
        self.answer = answer

    def __fspath__(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


# ------------------------------------------------------------------------- reprs


def test_what_shows_a_person_has_no_repr():
    pixels = np.full((4, 4, 3), 171, np.uint8)
    frame = Frame(pixels, "camera 0")
    face = Face(np.full(4, 171.0, np.float32), np.full((5, 2), 171.0, np.float32), 0.9)
    vector = np.zeros(4, np.float32)
    vector[0] = 1.0
    sight = Observation(frame, face, None, Embedding(vector, "ab" * 32))
    for said in map(repr, (frame, face, sight)):
        assert "171" not in said
        assert "array" not in said
        assert "camera 0" in said or said.startswith("Face")


ROOMS = ("types", "face.pipeline", "evaluate.cache", "evaluate.evaluation", "evaluate.owners")
ROOMS += ("evaluate.impostors", "evaluate.pair_verification", "evaluate.metrics")


@pytest.mark.parametrize("room", ROOMS)
def test_no_dataclass_prints_an_array(room):
    module = import_module(f"onlyme.{room}")
    kinds = [kind for kind in vars(module).values() if is_dataclass(kind)]
    shown = [
        f"{kind.__name__}.{field.name}"
        for kind in kinds
        for field in fields(kind)
        if "NDArray" in str(field.type) and field.repr and "__repr__" not in vars(kind)
    ]
    own = {
        kind.__name__ for kind in kinds if kind.__repr__.__qualname__.endswith("Embedding.__repr__")
    }
    assert [name for name in shown if name.split(".")[0] not in own] == []


# ------------------------------------------------------------------------ frames


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((8, 8, 3)),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), object),
        None,
        "pixels",
    ],
    ids=["empty", "float", "grey", "rgba", "object", "none", "text"],
)
def test_a_frame_that_is_none(pipeline, pixels):
    with pytest.raises(ImageError) as said:
        pipeline.look(Frame(pixels, "kitchen"))
    assert said.value.source == "kitchen"


@pytest.mark.parametrize("frame", [(None, 0.0), ("kitchen", None), ("kitchen", float("nan"))])
def test_a_frame_from_nowhere_or_never(pipeline, frame):
    with pytest.raises(ImageError):
        pipeline.look(Frame(np.zeros((8, 8, 3), np.uint8), *frame))


def test_a_frame_beyond_the_limit(pipeline):
    wide = np.broadcast_to(np.uint8(0), (8000, 8000, 3))
    with pytest.raises(ImageError, match="kitchen: is 8000×8000 pixels"):
        pipeline.look(Frame(wide, "kitchen"))


def test_a_good_frame_is_taken_as_it_is(pipeline):
    frame = Frame(np.zeros((8, 8, 3), np.uint8), "kitchen")
    assert pipeline.decode(frame) is frame
    view = Frame(np.zeros((8, 8, 6), np.uint8)[:, :, ::2], "kitchen", 2.0)
    taken = pipeline.decode(view)
    assert taken.pixels.flags.c_contiguous
    assert (taken.source, taken.at) == ("kitchen", 2.0)


# -------------------------------------------------------------------- embeddings


@pytest.mark.parametrize(
    "vector",
    [
        None, "1.0", ["1.0"], b"1", {}, {0: 1.0}, [[1.0], [0.0, 1.0]], [10**400], [1e300], [1 + 0j],
        [True], [], 1.0, [[1.0]], [float("nan")], [float("inf")], [0.5], [object()], {1.0},
    ],
    ids=short,
)  # fmt: skip
def test_what_is_no_embedding(vector):
    with pytest.raises(UsageError):
        Embedding(vector, "ab" * 32)


@pytest.mark.parametrize("model", [None, "", b"ab", 5, ["ab"]], ids=repr)
def test_an_embedding_of_no_network(model):
    with pytest.raises(UsageError, match="network"):
        Embedding(np.array([1.0]), model)


def test_an_embedding_of_another_length(pipeline):
    with pytest.raises(UsageError, match="1 numbers, but its network makes embeddings of 128"):
        pipeline.look(Embedding(np.array([1.0]), pipeline.embedder.model))


# ---------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "path",
    [5, 1.5, True, b"x", "", "a\0b", "~nouser_x/v", "\ud800", [], Path(OSError()), Path(5)],
    ids=short,
)
def test_a_vault_that_is_no_path(path):
    with pytest.raises(SettingsError, match="vault = "):
        Settings.load(vault=path)


@pytest.mark.parametrize(
    "line",
    [
        "vault = 5", "vault = true", 'vault = ""', 'vault = "a\\u0000b"', "far = true",
        "far = 1e-11", "far = nan", "far = [1]", "far = 1979-05-27", "key = []", "liveness = []",
        "liveness = {}",
        "embedder = 5", 'embedder = "a\\u0000b"', "passphrase = 555123", "max_megapixels = false",
        "max_megabytes = inf", "a = " + "[" * 100_000,
    ],
    ids=lambda line: line[:24],
)  # fmt: skip
def test_a_file_that_cannot_be_used(monkeypatch, tmp_path, line):
    (tmp_path / "config.toml").write_text(line)
    monkeypatch.setenv("ONLYME_CONFIG", str(tmp_path / "config.toml"))
    with pytest.raises(SettingsError) as said:
        Settings.load()
    assert "555123" not in str(said.value), "a passphrase is never repeated"


def test_settings_that_can_be_used():
    assert Settings.load(far="1e-10").far == 1e-10
    assert Settings.load(far=0.1, max_megapixels=1).max_megapixels == 1.0


# ------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name", [None, 5, [], ["ada"], b"ada", "", "\ud800", "a\0b", "x" * 65], ids=short
)
def test_a_name_that_cannot_be_one(name):
    with pytest.raises(UsageError, match="1 to 64 printable"):
        checked_name(name)


# --------------------------------------------------------------- paths and sources


@pytest.mark.parametrize("path", ["x" * 4200, "a\0b", "\ud800"], ids=short)
def test_paths_that_cannot_exist(path):
    assert not is_folder(path)
    (walked,) = walk(path)
    with pytest.raises(ImageError):
        decode(walked)


@pytest.mark.parametrize("path", [None, 5, b"x", Path(OSError()), Path(5), Path(None)], ids=short)
def test_what_is_no_path(path):
    assert not is_folder(path)
    with pytest.raises(ImageError):
        list(walk([path]))
    with pytest.raises(ImageError):
        decode(path)


def test_a_folder_that_another_user_closed(monkeypatch, tmp_path):
    """As root nothing is closed, so the system's refusal is played."""
    import pathlib

    def closed(*_, **__):
        raise PermissionError(13, "Permission denied")

    for name in ("stat", "is_dir"):
        monkeypatch.setattr(pathlib.Path, name, closed)
    assert not is_folder(tmp_path)
    assert list(walk(tmp_path / "me.jpg")) == [tmp_path / "me.jpg"]


def test_memory_that_was_released():
    view = memoryview(b"picture")
    view.release()
    with pytest.raises(ImageError, match="bytes: was released"):
        decode(view)


@pytest.mark.parametrize(
    "source",
    [None, 1.5, True, [], {}, -1, 10**5000, "9" * 5000, "a\0b", "\ud800", Path(OSError())],
    ids=short,
)
def test_what_is_no_camera(source):
    with pytest.raises(CameraError) as said, CameraCapture(source):
        pass
    assert len(str(said.value)) < 300
