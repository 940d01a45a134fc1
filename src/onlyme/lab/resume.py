"""Compare the options of a run in a folder with those that it is continued with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

__all__ = ["check_unchanged", "list_changes"]


def list_changes(
    before: Mapping[str, Any], now: Mapping[str, Any], free: Collection[str] = ()
) -> list[str]:
    """Say which options differ.

    Args:
        before: the options that the run began with.
        now: the options that it is continued with.
        free: options that may differ.

    >>> list_changes({"seed": 0, "rate": 0.1}, {"seed": 1, "rate": 0.1})
    ['seed was 0 and is 1']
    """
    names = [name for name in {**before, **now} if name not in free]
    return [
        f"{name} was {_show(before.get(name))} and is {_show(now.get(name))}"
        for name in names
        if _show(before.get(name)) != _show(now.get(name))
    ]


def check_unchanged(folder: Path, changes: list[str], *, same_photos: bool) -> None:
    """Refuse to continue a run with other options or photos.

    Raises:
        UsageError: when something differs; the message says what.
    """
    changes = changes if same_photos else [*changes, "the photos are not the same"]
    if changes:
        raise UsageError(
            f"{folder} holds a run with other options or photos: {'; '.join(changes)}. "
            "Continue it with the same ones, or choose another folder"
        )


def _show(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
