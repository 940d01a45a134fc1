"""Face ID for your own computer and your own software.

>>> import onlyme
>>> with onlyme.FaceID.open() as face_id:                           # doctest: +SKIP
...     face_id.enroll("ada", "photos-of-ada/")
...     face_id.verify("ada", "somebody.jpg").accepted
False

Everything here is loaded when it is first used, so that `import onlyme` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onlyme.errors import (
        CameraError,
        EnrollmentError,
        ImageError,
        KeyMissing,
        KeyRefused,
        ModelError,
        ModelMissing,
        ModelRefused,
        NeedsReenroll,
        NotCalibrated,
        OnlymeError,
        OwnerExists,
        PamError,
        SettingsError,
        UnknownOwner,
        UsageError,
        VaultBusy,
        VaultDamaged,
        VaultError,
    )
    from onlyme.faceid.face_id import FaceID
    from onlyme.faceid.functions import check_liveness, compare, embed
    from onlyme.types import (
        Decision,
        Embedding,
        Enrollment,
        Face,
        Frame,
        Lesson,
        Liveness,
        LivenessLevel,
        PhotoReport,
        Quality,
        Reason,
        Tuning,
        Verdict,
    )

__version__ = "0.1.0"

__all__ = [
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
    "__version__",
    "check_liveness",
    "compare",
    "embed",
]

_HOMES = {
    "onlyme.errors": (
        "CameraError",
        "EnrollmentError",
        "ImageError",
        "KeyMissing",
        "KeyRefused",
        "ModelError",
        "ModelMissing",
        "ModelRefused",
        "NeedsReenroll",
        "NotCalibrated",
        "OnlymeError",
        "OwnerExists",
        "PamError",
        "SettingsError",
        "UnknownOwner",
        "UsageError",
        "VaultBusy",
        "VaultDamaged",
        "VaultError",
    ),
    "onlyme.faceid.face_id": ("FaceID",),
    "onlyme.faceid.functions": ("check_liveness", "compare", "embed"),
    "onlyme.types": (
        "Decision",
        "Embedding",
        "Enrollment",
        "Face",
        "Frame",
        "Lesson",
        "Liveness",
        "LivenessLevel",
        "PhotoReport",
        "Quality",
        "Reason",
        "Tuning",
        "Verdict",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'onlyme' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
