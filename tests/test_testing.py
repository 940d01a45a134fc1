"""The FaceID that is for users' own tests."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from onlyme import OwnerExists, Reason, UnknownOwner
from onlyme.testing import draw_face, open_face_id

PAGE = Path(__file__).parents[1] / "docs/how-to/use-in-your-python-program.md"


@pytest.fixture
def ada(tmp_path):
    with open_face_id(tmp_path / "vault") as face_id:
        face_id.enroll("ada", [draw_face("ada", photo) for photo in range(5)])
        yield face_id


def test_it_knows_a_person_and_no_other(ada):
    assert all(ada.verify("ada", draw_face("ada", photo)).accepted for photo in range(5, 25))
    assert not any(ada.verify("ada", draw_face(f"stranger {n}")).accepted for n in range(100))


def test_what_is_no_drawn_face_is_no_face(ada, photos):
    assert ada.verify("ada", photos / "obama_1.jpg").reason is Reason.NO_FACE
    assert ada.verify("ada", np.zeros((320, 320, 3), np.uint8)).reason is Reason.NO_FACE
    assert ada.verify("ada", draw_face("ada")[:, ::-1].copy()).reason is Reason.NO_FACE


@pytest.mark.parametrize("side", [160, 320, 500])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_face_may_be_saved_and_scaled(ada, side, suffix):
    small = cv2.resize(draw_face("ada", 9), (side, side), interpolation=cv2.INTER_AREA)
    saved = cv2.imencode(suffix, cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1].tobytes()
    assert ada.verify("ada", saved, "passive").accepted


def test_liveness_says_what_was_drawn(ada):
    living = [draw_face("ada", photo) for photo in range(5)]
    fake = [draw_face("ada", photo, live=False) for photo in range(5)]
    assert [d.accepted for d in ada.watch("ada", living)] == [True]
    assert [d.reason for d in ada.watch("ada", fake)] == [Reason.NOT_LIVE]
    frozen = [living[0]] * 8
    assert next(ada.watch("ada", frozen)).reason is Reason.NOT_LIVE


def test_gate_log_and_errors_are_the_real_ones(ada):
    for photo in range(5):
        ada.verify("ada", draw_face("bob", photo), gate=True, source="door")
    locked = ada.verify("ada", draw_face("ada", 9), gate=True, source="door")
    assert locked.reason is Reason.LOCKED_OUT
    assert ada.admin.gate.audit.verify() > 5
    with pytest.raises(OwnerExists):
        ada.enroll("ada", draw_face("ada"))
    with pytest.raises(UnknownOwner):
        ada.verify("bob", draw_face("bob"))
    assert ada.identify(draw_face("ada", 9)).name == "ada"


def test_what_was_learned_is_kept(ada, tmp_path):
    with open_face_id(tmp_path / "vault") as again:
        assert again.names() == ["ada"]
        assert again.verify("ada", draw_face("ada", 9)).accepted


def test_the_example_in_the_documentation_runs(tmp_path):
    text = PAGE.read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    program = next(block for block in blocks if "def let_in" in block)
    test = next(block for block in blocks if "onlyme.testing" in block)
    names = {}
    exec(program + test, names)  # noqa: S102 - the page is part of this repository
    assert names["test_the_door_opens_for_ada_only"](tmp_path) is None  # it asserts by itself


def test_no_network_is_loaded(tmp_path):
    """It works where none is: a program's tests need no weights."""
    code = (
        "import sys; from pathlib import Path; from onlyme.face import models\n"
        "models.Model.read = lambda self: sys.exit('a network was read')\n"
        "from onlyme.testing import draw_face, open_face_id\n"
        "face_id = open_face_id(sys.argv[1])\n"
        "face_id.enroll('ada', draw_face('ada'))\n"
        "assert face_id.verify('ada', draw_face('ada', 2), 'passive').accepted\n"
        "assert not {'torch', 'openvino'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "vault"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
