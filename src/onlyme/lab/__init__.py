"""Train networks on aligned photos of ME and NOT_ME, and measure how well they work.

Torch is imported only in this room, and only by the modules that need it: `onlyme.lab`
itself and `onlyme.lab.photos` work without it.
"""

from __future__ import annotations

from importlib.util import find_spec

from onlyme.errors import UsageError, explain_extra

__all__ = ["FACE_SIDE_PIXELS", "PUBLISHED_SIDE_PIXELS", "WAYS", "require_packages"]

WAYS = ("classifier", "two-head", "article", "compact")
"""The article's first way, its second, its third as published, and its third as one would
build it today."""

PUBLISHED_SIDE_PIXELS = 244
"""Side of the article's pictures, which are whole photos, in pixels."""

FACE_SIDE_PIXELS = 112
"""Side of the aligned faces that the lab works on, in pixels."""

_NEEDED = ("torch", "lightning", "pytorch_metric_learning", "onnx")


def require_packages() -> None:
    """Check that the packages that the lab needs are installed.

    Raises:
        UsageError: when one is missing; the message says what to install.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(f"the lab needs {', '.join(missing)}; {explain_extra('lab')}")
