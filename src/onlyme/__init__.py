"""Face ID for your own computer and your own software.

>>> import onlyme
>>> with onlyme.FaceID.open() as face_id:                           # doctest: +SKIP
...     face_id.enroll("ada", "photos-of-ada/")
...     face_id.verify("ada", "another-person.jpg").accepted
False

Each name is loaded when it is first used, so that `import onlyme` is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    return sorted({*globals(), *__all__})
