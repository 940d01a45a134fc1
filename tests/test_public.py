"""What others may rely on: the exported names, and that importing them costs nothing."""

import json
import pickle
import subprocess
import sys

import pytest

import onlyme
from onlyme import errors

NAMES = [
    "CameraError",
    "Decision",
    "Embedding",
    "Enrollment",
    "EnrollmentError",
    "Face",
    "FaceID",
    "Frame",
    "ImageError",
    "KeyMissing",
    "KeyRefused",
    "Lesson",
    "Liveness",
    "LivenessLevel",
    "ModelError",
    "ModelMissing",
    "ModelRefused",
    "NeedsReenroll",
    "NotCalibrated",
    "OnlymeError",
    "OwnerExists",
    "PamError",
    "PhotoReport",
    "Quality",
    "Reason",
    "SettingsError",
    "Tuning",
    "UnknownOwner",
    "UsageError",
    "VaultBusy",
    "VaultDamaged",
    "VaultError",
    "Verdict",
    "check_liveness",
    "compare",
    "embed",
]


def test_the_exported_names_are_frozen():
    assert sorted(set(onlyme.__all__) - {"__version__"}) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_had(name):
    assert getattr(onlyme, name).__name__ == name
    assert name in dir(onlyme)


def test_no_other_name():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = onlyme.nonsense


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name[0].isupper()])
def test_every_exception_is_an_onlyme_error(name):
    kind = getattr(errors, name)
    assert issubclass(kind, onlyme.OnlymeError)
    assert name in (errors.__doc__ or ""), "the tree in the docstring shows all of them"
    made = kind("photo.jpg", "it is broken") if kind is errors.ImageError else kind("words")
    assert str(pickle.loads(pickle.dumps(made))) == str(made)  # noqa: S301 - our own bytes


def modules_after(code):
    """Names of the modules that are loaded once a piece of code has run in a new process."""
    code += "\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_onlyme_loads_nothing_heavy():
    assert not modules_after("import onlyme") & {"numpy", "cv2", "PIL", "typer", "sqlite3", "scipy"}


def test_the_way_to_a_decision_loads_only_what_it_needs(photos, tmp_path):
    """Verification is started anew at each login: seconds would be paid each time."""
    loaded = modules_after(
        "from onlyme import FaceID\n"
        f"with FaceID.open({str(tmp_path / 'vault')!r}) as face_id:\n"
        f"    face_id.enroll('x', {str(photos / 'obama_1.jpg')!r})\n"
        f"    face_id.verify('x', {str(photos / 'obama_2.jpg')!r})\n"
    )
    heavy = {"scipy", "rich", "torch", "onnx", "sqlalchemy", "pydantic", "typer", "multiprocessing"}
    assert not loaded & heavy
    assert {"numpy", "cv2", "PIL", "sqlite3"} <= loaded
