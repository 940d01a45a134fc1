"""Say which batch fits, when one did not fit into the memory."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["explain_memory"]

_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")
_ERRORS = (MemoryError, RuntimeError, OSError)


@contextmanager
def explain_memory(try_count: Callable[[int], None], count: int, text: str) -> Iterator[None]:
    """Turn "out of memory" into a message that says how much would fit.

    Args:
        try_count: takes one step with a number of photos.
        count: number of photos in a step.
        text: the message, with the names `count` and `fit`.

    Raises:
        UsageError: when memory was not enough.
    """
    try:
        yield
    except _ERRORS as error:
        _raise_others(error)
        fit = count
        while fit := fit // 2:
            gc.collect()
            try:
                try_count(fit)
            except _ERRORS as another:
                _raise_others(another)
            else:
                break
        raise UsageError(text.format(count=count, fit=fit or "no")) from None


def _raise_others(error: BaseException) -> None:
    """Raise an error again that does not mean that memory was not enough."""
    if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and not any(
        word in str(error).lower() for word in _WORDS
    ):
        raise error
