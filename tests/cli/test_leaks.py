"""No number of a face and no row of pixels comes out of the command line, in words or in files."""

import numpy as np
import pytest

from onlyme import embed
from onlyme.image.decode import decode
from tests.cli.conftest import OBAMA, Shell


def traces(path):
    """What a photo would leave: any three numbers of its embedding, as bytes or in digits, and
    any sixteen pixels of its middle."""
    vector = embed(path).vector
    numbers = [vector[at : at + 3].tobytes() for at in range(0, 126, 3)]
    doubles = [vector[at : at + 3].astype(float).tobytes() for at in range(0, 126, 3)]
    digits = [f"{abs(number):.6f}"[1:].encode() for number in vector if abs(number) > 0.001]
    pixels = decode(path).pixels
    middle = pixels[len(pixels) // 2]
    rows = [middle[at : at + 16].tobytes() for at in range(0, len(middle) - 16, 16)]
    varied = [row for row in rows if len(set(row)) > 8]  # a black edge is everywhere
    return [*numbers, *doubles, *digits, *varied]


def leaked(wanted, contents):
    return [where for where, content in contents.items() if any(one in content for one in wanted)]


@pytest.fixture(scope="module")
def photo_traces(photos):
    return [one for name in (*OBAMA, "obama_3.jpg", "biden_1.jpg") for one in traces(photos / name)]


def test_nothing_of_a_face_is_said_or_written(photos, tmp_path, photo_traces):
    shell = Shell(tmp_path / "home")
    cut = tmp_path / "cut.jpg"
    cut.write_bytes((photos / "obama_3.jpg").read_bytes()[:20_000])
    said = {}
    for words, codes in (
        (("enroll", "obama", *(photos / name for name in OBAMA)), {0}),
        (("verify", "obama", photos / "obama_3.jpg", "--gate", "--json"), {0}),
        (("verify", "obama", photos / "biden_1.jpg", "--gate"), {1}),
        (("verify", "obama", cut), {0, 1, 2}),
        (("verify", "obama", shell.home), {0, 1, 2}),
        (("not-me", "obama", photos / "biden_1.jpg"), {0}),
        (("certificate", "obama", "--json"), {0}),
        (("status", "--json"), {0}),
        (("audit", "--json"), {0}),
        (("backup",), {0}),
        (("list", "--json"), {0}),
    ):
        done = shell(*words, ONLYME_DEBUG=1, PYTHONDEVMODE=1, PYTHONWARNINGS="default")
        assert done.returncode in codes, done.stderr
        said[" ".join(map(str, words))] = (done.stdout + done.stderr).encode(
            "utf-8", "surrogateescape"
        )
    files = {path: path.read_bytes() for path in shell.home.rglob("*") if path.is_file()}
    assert len(files) >= 3
    assert leaked(photo_traces, said | files) == []


def test_the_search_finds_what_it_looks_for(photos, tmp_path, photo_traces):
    vector = embed(photos / OBAMA[0]).vector
    pixels = decode(photos / OBAMA[0]).pixels
    planted = {
        "bytes": b"x" + vector.tobytes(),
        "words": str(vector.tolist()).encode(),
        "array": repr(np.round(vector, 7)).encode(),
        "picture": pixels.tobytes(),
    }
    assert leaked(photo_traces, planted) == list(planted)
