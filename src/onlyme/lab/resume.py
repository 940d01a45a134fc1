"""Read what an earlier run left in its folder, and compare its options with those of now."""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

__all__ = ["DAMAGE", "check_checkpoints", "check_unchanged", "explain_damage", "list_changes"]

DAMAGE = (
    *(OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RuntimeError),
    *(BadZipFile, UnpicklingError, zlib.error),
)
"""What libraries raise for a file that is cut short or was changed."""


@contextmanager
def explain_damage(folder: Path) -> Iterator[None]:
    """Raise a UsageError where a file of a run cannot be read."""
    try:
        yield
    except DAMAGE as error:
        raise UsageError(
            f"a file of the run in {folder} is damaged ({type(error).__name__}); restore the "
            "folder from a copy, or train again in another one"
        ) from None


def check_checkpoints(folder: Path) -> None:
    """Raise a UsageError where weights that a run would go on with cannot be read."""
    import torch

    with explain_damage(folder):
        for path in (*folder.glob("*.ckpt"), *folder.glob("*.pt")):
            torch.load(path, weights_only=True, map_location="cpu", mmap=True)


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
