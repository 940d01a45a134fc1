"""Check the names of levels of liveness and attention."""

from __future__ import annotations

from onlyme.errors import UsageError
from onlyme.types import AttentionLevel, LivenessLevel

__all__ = ["check_attention", "check_level"]


def check_level(level: LivenessLevel | str) -> LivenessLevel:
    """Return a level of liveness by its name.

    Raises:
        UsageError: there is no such level.
    """
    try:
        return LivenessLevel(level)
    except ValueError:
        levels = ", ".join(LivenessLevel)
        raise UsageError(f"no level of liveness is called {level!r}; levels: {levels}") from None


def check_attention(level: AttentionLevel | str) -> AttentionLevel:
    """Return a level of attention by its name.

    Raises:
        UsageError: there is no such level.
    """
    try:
        return AttentionLevel(level)
    except ValueError:
        levels = ", ".join(AttentionLevel)
        raise UsageError(f"no level of attention is called {level!r}; levels: {levels}") from None
