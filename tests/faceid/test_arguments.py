"""A wrong argument of any public call is one of onlyme's exceptions, and opens nothing.

The calls are listed by the classes themselves, so a new one, and a new argument, is tried as well.
"""

import array
import inspect
import os
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import onlyme
from onlyme import FaceID, Frame, OnlymeError
from onlyme.image.decode import decode
from onlyme.testing import draw_face, open_face_id


class Evil:
    """Its protocols raise what is not onlyme's."""

    def __array__(self, *_, **__):
        raise RuntimeError

    def __fspath__(self):
        raise RuntimeError

    def __str__(self):
        raise RuntimeError


class Picture:
    """A picture of another library: it becomes an array, as tensors do."""

    ndim = 3

    def __init__(self, pixels):
        self.pixels = pixels

    def __array__(self, *_, **__):
        return self.pixels

    def __iter__(self):
        return iter(self.pixels)


PIXELS = draw_face("ada", 5)
ODD = {
    "none": None,
    "true": True,
    "number": 7,
    "negative": -1,
    "huge": 10**5000,
    "fraction": 0.5,
    "no number": float("nan"),
    "decimal": Decimal(1),
    "complex": 1j,
    "empty text": "",
    "text": "nonsense",
    "NUL": "a\0b",
    "surrogate": "\udcff",
    "long": "x" * 5000,
    "text of NumPy": np.str_("x"),
    "bytes": b"x",
    "bytearray": bytearray(b"x"),
    "memory": memoryview(b"xy")[::2],
    "picture": PIXELS,
    "masked array": np.ma.array(PIXELS),
    "float array": PIXELS / 255,
    "one number": np.float32(0.5),
    "texts": np.array(["a", "b"]),
    "array of objects": np.array([object()]),
    "array of numbers": array.array("B", b"abc"),
    "tensor": Picture(PIXELS),
    "evil": Evil(),
    "object": object(),
    "class": int,
    "function": lambda: None,
    "list": [],
    "nested list": [[[]]],
    "set": {1},
    "dictionary": {},
    "range": range(2),
    "frame": Frame(PIXELS, "x"),
    "date": datetime(2020, 1, 1),  # noqa: DTZ001 - a wrong argument
    "path": Path("nowhere"),
}

GOOD = {
    "name": "ada",
    "other": "ada",
    "new_name": "ida",
    "image": PIXELS,
    "images": [PIXELS],
    "first": PIXELS,
    "second": PIXELS,
    "image_a": PIXELS,
    "image_b": PIXELS,
    "me": PIXELS,
    "embeddings": np.eye(128, dtype=np.float32)[:1],
    "source_or_frames": [PIXELS],
    "image_or_frames": PIXELS,
    "folder": "nowhere",
    "number": 1,
    "numbers": [1],
    "look": "hat",
    "group": "ab",
    "source": "file",
}
"""What stands beside the wrong argument. `source` is a name for most calls."""

CALLBACKS = {"on_row", "on_photo", "on_picture", "on_observation"} | {
    "on_status",
    "on_event",
    "on_people",
}
"""Functions of the program itself: what they raise is the program's."""

CALLABLE = {"class", "function"}
"""Odd values that can be called."""

TRUTHS = {"add", "replace", "anyway", "gate", "embed", "lasting", "opens"}
"""Their truth is what counts."""


def list_calls():
    names = [name for name in dir(FaceID) if not name.startswith("_")]
    calls = [getattr(FaceID, name) for name in names if callable(getattr(FaceID, name))]
    calls += [getattr(onlyme, name) for name in ("detect", "embed", "embed_all", "compare")]
    calls += [onlyme.check_liveness]
    for call in calls:
        for name, parameter in inspect.signature(call).parameters.items():
            variadic = parameter.kind is parameter.VAR_KEYWORD
            if name != "self" and name not in TRUTHS and not variadic:
                yield call, name


@pytest.fixture
def face_id(tmp_path):
    with open_face_id(tmp_path / "vault") as opened:
        opened.enroll("ada", [draw_face("ada", photo) for photo in range(3)])
        yield opened


@pytest.mark.parametrize(
    ("call", "argument"), list(list_calls()), ids=lambda value: getattr(value, "__name__", value)
)
def test_a_wrong_argument_raises_nothing_but_an_error_of_onlyme(
    face_id, call, argument, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    parameters = inspect.signature(call).parameters
    needed = {
        name: GOOD[name]
        for name, parameter in parameters.items()
        if name != "self" and parameter.default is parameter.empty and "args" not in name
        if parameter.kind is not parameter.VAR_KEYWORD
    }
    if argument == "frames":
        needed.pop("image", None)
    elif "image" in parameters:
        needed["image"] = PIXELS
    for what, odd in ODD.items():
        if argument in CALLBACKS and what in CALLABLE:
            continue
        given = needed | {argument: odd}
        own = (face_id,) if "self" in parameters else ()
        try:
            answer = call(*own, **given)
            if inspect.isgenerator(answer) or isinstance(answer, onlyme.Batch):
                answer = list(answer)
        except OnlymeError as error:
            said = str(error)
            assert len(said) < 2000 or argument == "path", what
            assert all(line.isprintable() for line in said.splitlines()), what
        except Exception as error:
            raise AssertionError(f"{call.__name__}({argument}={what}): {error!r}") from error
        else:
            if isinstance(answer, FaceID):
                answer.close()


class OwnError(Exception):
    """What a program raises in its own function."""


def raise_own(*_):
    raise OwnError


def find_callbacks():
    for call, name in list_calls():
        if name in CALLBACKS | {"ask"}:
            yield call, name


def make_call(face_id, call, **more):
    """Call with what is needed besides, all to the end."""
    needed = {
        FaceID.enroll: {"name": "bob", "me": draw_face("bob")},
        FaceID.watch_everybody: {"source": [PIXELS], "liveness": "off"},
        FaceID.watch: {"name": "ada", "source_or_frames": [PIXELS] * 3, "liveness": "challenge"},
        FaceID.verify: {"name": "ada", "image": PIXELS, "gate": True},
        FaceID.verify_all: {"name": "ada", "images": [PIXELS]},
        FaceID.identify_all: {"images": [PIXELS]},
        onlyme.embed_all: {"images": [PIXELS]},
    }[call]
    own = () if call is onlyme.embed_all else (face_id,)
    answer = call(*own, **needed | more)
    return (
        list(answer) if inspect.isgenerator(answer) or isinstance(answer, onlyme.Batch) else answer
    )


def count_attempts(face_id):
    return [allowance.tries for allowance in face_id.admin.gate.allowances().values()]


@pytest.mark.parametrize(
    ("call", "argument"),
    list(find_callbacks()),
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_cannot_be_called_is_refused_before_anything_is_done(face_id, call, argument):
    before = len(list(face_id.admin.gate.audit.entries()))
    for what, odd in ODD.items():
        if what not in CALLABLE | {"none"}:
            with pytest.raises(onlyme.UsageError, match=f"{argument} is a function"):
                make_call(face_id, call, **{argument: odd})
    assert face_id.names() == ["ada"]
    assert count_attempts(face_id) == []
    assert len(list(face_id.admin.gate.audit.entries())) == before


@pytest.mark.parametrize(
    ("call", "argument"),
    [one for one in find_callbacks() if one[1] != "on_status"],  # only a camera has one
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_a_callback_raises_reaches_the_program_and_opens_nothing(face_id, call, argument):
    if call is onlyme.embed_all:
        pytest.skip("its networks see no drawn face")
    with pytest.raises(OwnError):
        make_call(face_id, call, **{argument: raise_own})
    assert face_id.names() == ["ada"]  # nobody is half enrolled
    assert face_id.verify("ada", PIXELS)
    if call is FaceID.verify:
        assert count_attempts(face_id) == [4]  # the attempt stays counted
    assert make_call(face_id, call, **{argument: lambda *_: None}) is not None


@pytest.mark.parametrize("argument", ["color", "liveness", "source"])
def test_a_picture_in_the_wrong_place_reaches_no_message(face_id, argument):
    marked = np.full((8, 8, 3), 171, np.uint8)
    for picture in (marked, marked.tolist(), marked.tobytes()):
        with pytest.raises(OnlymeError) as refused:
            face_id.verify("ada", PIXELS, gate=True, **{argument: picture})
        assert "171" not in str(refused.value)
        assert "xab" not in str(refused.value)


NEEDS_NO_VAULT = {"open", "close", "can_judge_liveness", "compare", "make_adaptation", "warm_up"}


@pytest.mark.parametrize(
    "call",
    sorted(
        name
        for name, _ in inspect.getmembers(FaceID, callable)
        if not name.startswith("_") and name not in NEEDS_NO_VAULT
    ),
)
def test_every_call_after_close_says_that_it_was_closed(face_id, call, tmp_path):
    made = getattr(face_id, call)
    parameters = inspect.signature(made).parameters
    given = GOOD | {"folder": tmp_path / "people", "other": "bob"}
    if call == "watch_everybody":
        given["source"] = [PIXELS]
    (tmp_path / "people/ada").mkdir(parents=True)
    (tmp_path / "people/ada/1.jpg").write_bytes(b"no picture")
    needed = {
        name: given[name]
        for name, one in parameters.items()
        if name == "image" or (one.default is one.empty and one.kind is not one.VAR_KEYWORD)
    }
    face_id.close()

    def use():
        answer = made(**needed)
        return answer.__enter__() if call == "open_events" else list(answer)

    with pytest.raises(OnlymeError, match="was closed"):
        use()


def test_a_tensor_is_one_picture_and_is_told_what_to_write(face_id):
    tensor = Picture(PIXELS)
    with pytest.raises(onlyme.ImageError, match=r"numpy\.asarray\(image\)"):
        face_id.verify("ada", tensor)
    (row,) = face_id.verify_all("ada", tensor)
    assert "numpy.asarray" in str(row.error)
    assert face_id.verify("ada", np.asarray(tensor))


@pytest.mark.parametrize(
    "kind", [bool, np.int8, np.int16, ">u2", ">i4", np.int64, ">f4", np.float16, np.longdouble]
)
def test_what_is_told_of_an_array_gives_a_picture(kind):
    array_ = (PIXELS // 2).astype(kind)
    with pytest.raises(onlyme.ImageError) as refused:
        decode(array_)
    written = str(refused.value).partition("order: ")[2]
    made = eval(written, {"array": array_, "numpy": np})  # noqa: S307 - what our own message says
    assert decode(made).pixels.shape == PIXELS.shape
    if kind is not bool:
        assert np.array_equal(made, PIXELS // 2)


def test_many_pictures_come_as_one_array_or_one_column(face_id, tmp_path):
    from PIL import Image

    for number in range(2):
        Image.fromarray(draw_face("ada", number)).save(tmp_path / f"{number}.png")
    paths = [str(tmp_path / f"{number}.png") for number in range(2)]
    stacked = np.stack([draw_face("ada", number) for number in range(2)])
    for many in (np.array(paths), np.array(paths, object), stacked, map(Path, paths)):
        assert [bool(row) for row in face_id.verify_all("ada", many)] == [True, True]
    with pytest.raises(onlyme.UsageError, match="verify_all"):
        face_id.verify("ada", stacked)
    assert face_id.verify("ada", frames=stacked)


def test_an_embedding_of_another_network_is_a_row_of_its_own(face_id):
    foreign = onlyme.Embedding(np.eye(128, dtype=np.float32)[0], "ab" * 32)
    rows = list(face_id.verify_all("ada", [draw_face("ada", 4), foreign, draw_face("ada", 6)]))
    assert [bool(row) for row in rows] == [True, False, True]
    assert isinstance(rows[1].error, onlyme.UsageError)


PROGRAM = """
import sys
from pathlib import Path
from onlyme import FaceID
print("begun", flush=True)
with FaceID.open(sys.argv[1]) as face_id:
    done = face_id.enroll_folder(sys.argv[2], workers=1)
    print(done.enrolled, flush=True)
"""


@pytest.mark.data
def test_a_program_without_a_main_guard_runs_once(tmp_path, photos):
    """Python would import the program again in each worker process."""
    for name in ("obama", "biden"):
        (tmp_path / "people" / name).mkdir(parents=True)
        content = (photos / f"{name}_1.jpg").read_bytes()
        (tmp_path / "people" / name / "1.jpg").write_bytes(content)
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, tmp_path / "program.py", tmp_path / "vault", tmp_path / "people"]
    home = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=home)
    assert (done.stdout.split(), done.stderr) == (["begun", "2"], "")
