"""Check the names of levels of liveness and attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from onlyme.errors import UsageError, show_argument
from onlyme.types import AttentionLevel, LivenessLevel

if TYPE_CHECKING:
    from enum import StrEnum

Level = TypeVar("Level", bound="StrEnum")

__all__ = ["check_attention", "check_level"]


def check_level(level: LivenessLevel | str) -> LivenessLevel:
    """Return a level of liveness by its name.

    Raises:
        UsageError: there is no such level.
    """
    return _find_level(LivenessLevel, "liveness", level)


def check_attention(level: AttentionLevel | str) -> AttentionLevel:
    """Return a level of attention by its name.

    Raises:
        UsageError: there is no such level.
    """
    return _find_level(AttentionLevel, "attention", level)


def _find_level(kind: type[Level], what: str, level: object) -> Level:
    if isinstance(level, str) and level in set(kind):
        return kind(level)
    called = f"no level of {what} is called {show_argument(level)}"
    raise UsageError(f"{called}; levels: {', '.join(kind)}")
