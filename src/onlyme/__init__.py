"""Face ID for your own computer and your own software.

>>> import onlyme
>>> with onlyme.FaceID.open() as face_id:                           # doctest: +SKIP
...     face_id.enroll("ada", "photos-of-ada/")
...     face_id.verify("ada", "another-person.jpg").accepted
False

`FaceID` knows people: `help(onlyme.FaceID)` lists what it can do.

Without a vault: `detect`, `embed`, `embed_all`, `compare`, `check_liveness`.
For gestures: `Gesture`, `make_gesture_prompt`, `draw_gesture`.
For scikit-learn: `OnlymeVerifier`.

What these return:
    decisions   `Decision`, `Reason`, `IdentityCandidate`, `Batch`, `BatchRow`
    liveness    `Liveness`, `LivenessLevel`, `AttentionLevel`, `Verdict`
    faces       `Face`, `DetectedFace`, `Frame`, `Embedding`, `FaceComparison`, `FaceTable`
    people      `EnrolledPerson`, `Enrollment`, `PhotoReport`, `Quality`, `Example`,
                `ExampleKind`, `Lesson`, `Tuning`

Every exception is an `OnlymeError`; `help(onlyme.errors)` shows them as a tree.
`onlyme.draw` draws boxes and names, `onlyme.testing` helps to test your own program.

Each name is loaded when it is first used, so that `import onlyme` is fast.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

    from onlyme.errors import *  # noqa: F403 - its `__all__` is part of the list below
    from onlyme.faceid.batch import Batch, BatchRow
    from onlyme.faceid.comparison import FaceComparison
    from onlyme.faceid.estimator import OnlymeVerifier
    from onlyme.faceid.face_id import FaceID
    from onlyme.faceid.face_table import FaceTable
    from onlyme.faceid.functions import check_liveness, compare, detect, embed, embed_all
    from onlyme.faceid.people_list import EnrolledPerson
    from onlyme.liveness.gestures import Gesture, draw_gesture, make_gesture_prompt
    from onlyme.types import *  # noqa: F403 - its `__all__` is part of the list below

__version__ = "0.1.0"

__all__ = [
    "AttentionLevel",
    "Batch",
    "BatchRow",
    "CameraError",
    "Decision",
    "DetectedFace",
    "Embedding",
    "EnrolledPerson",
    "Enrollment",
    "EnrollmentError",
    "Example",
    "ExampleKind",
    "Face",
    "FaceComparison",
    "FaceID",
    "FaceTable",
    "Frame",
    "Gesture",
    "IdentityCandidate",
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
    "NoSuchGroup",
    "NotCalibrated",
    "OnlymeError",
    "OnlymeVerifier",
    "OwnerExists",
    "PamError",
    "PhotoReport",
    "Quality",
    "Reason",
    "SamePerson",
    "SettingsError",
    "Tuning",
    "UnknownOwner",
    "UsageError",
    "VaultBusy",
    "VaultDamaged",
    "VaultError",
    "Verdict",
    "__version__",
    "check_liveness",
    "compare",
    "detect",
    "draw_gesture",
    "embed",
    "embed_all",
    "make_gesture_prompt",
]

_HOMES = (
    "onlyme.errors",
    "onlyme.types",
    "onlyme.faceid.face_id",
    "onlyme.faceid.functions",
    "onlyme.faceid.batch",
    "onlyme.liveness.gestures",
    "onlyme.faceid.comparison",
    "onlyme.faceid.face_table",
    "onlyme.faceid.people_list",
    "onlyme.faceid.estimator",
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in _HOMES:
            if hasattr(module := import_module(home), name):
                globals()[name] = value = getattr(module, name)
                return value
    raise AttributeError(f"module 'onlyme' has no attribute {name!r}")


def __dir__() -> list[str]:
    # Python's help prints every class of this list in full: 6,500 lines instead of two screens.
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no public way that imports nothing
    while frame is not None and frame.f_globals.get("__name__") == "inspect":
        frame = frame.f_back
    if frame is not None and frame.f_globals.get("__name__") == "pydoc":
        return []
    return sorted({*globals(), *__all__})
