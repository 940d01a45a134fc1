"""Find out which batch fits, after one did not fit into the memory."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["find_fitting_count", "is_out_of_memory"]

_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory was not enough.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: …"))
    True
    """
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, (RuntimeError, OSError))
        and any(word in str(error).lower() for word in _WORDS)
    )


def find_fitting_count(try_count: Callable[[int], None], count: int) -> int:
    """Halve a number of photos until a step with that number fits; 0 when none does.

    Args:
        try_count: takes one step with a number of photos.
        count: the number that did not fit.
    """
    while count := count // 2:
        gc.collect()
        try:
            try_count(count)
        except (MemoryError, RuntimeError, OSError) as error:
            if not is_out_of_memory(error):
                raise
            continue
        return count
    return 0
