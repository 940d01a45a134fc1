"""Aligned photos of ME and NOT_ME come in; trained networks, and what they are worth, go out.

Torch is imported nowhere else in onlyme, and nowhere at all before a module of this
room that needs it is: `onlyme.lab` itself and `onlyme.lab.photos` work without it.
"""

from __future__ import annotations

from importlib.util import find_spec

from onlyme.errors import UsageError

__all__ = ["WAYS", "require_packages"]

WAYS = ("classifier", "two-head", "article", "compact")
"""The article's first way, its second, its third as published, and its third as one would
build it today."""

_NEEDED = ("torch", "lightning", "pytorch_metric_learning", "onnx")


def require_packages() -> None:
    """Make sure that what the lab needs is installed.

    Raises:
        UsageError: when it is not; the message says what to install.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the lab needs {', '.join(missing)}; install it with: pip install 'onlyme[lab]'"
        )
