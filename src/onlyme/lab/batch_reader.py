"""Prepare the batches of the next steps in other threads, while the network takes one.

Every step's batch depends only on seed and number, so that a resumed run gets the same. In a
distributed run each process reads and varies only its own share of a batch; the changes are drawn
for the whole batch, so that many processes see the same pictures as one.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch

from onlyme.lab.augment import apply_changes, draw_changes, make_generator
from onlyme.lab.networks import to_tensor

if TYPE_CHECKING:
    from torch import Tensor

    from onlyme.lab.people import IdentitySampler

__all__ = ["BatchReader"]

_WORKERS = 2
_AHEAD = 3
"""Number of batches that are ready or in work."""


class BatchReader:
    """Reads, shares and varies batches.

    Args:
        batches: draws them.
        seed: of the changes.
        last: number of batches in all; none is prepared beyond it.
        rank: number of this process, from 0.
        world: number of processes; the size of a batch is a multiple of it.
        device: where the pictures are varied and needed.
    """

    def __init__(
        self,
        batches: IdentitySampler,
        seed: int,
        last: int,
        *,
        rank: int = 0,
        world: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        self._batches, self._seed, self._last = batches, seed, last
        self._rank, self._world, self._device = rank, world, device
        # One thread each: the network has the others.
        self._pool = ThreadPoolExecutor(
            _WORKERS, "onlyme-batches", initializer=torch.set_num_threads, initargs=(1,)
        )
        self._coming: dict[int, Future[tuple[Tensor, Tensor]]] = {}

    def get(self, step: int) -> tuple[Tensor, Tensor]:
        """Return float[n/world, 3, S, S] in [0, 1], and int64[n], the labels of the whole batch.

        The labels are in the order of the processes' shares, one after the other.
        """
        for number in range(step, min(step + _AHEAD, max(self._last, step + 1))):
            if number not in self._coming:
                self._coming[number] = self._pool.submit(self._prepare, number)
        return self._coming.pop(step).result()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _prepare(self, step: int) -> tuple[Tensor, Tensor]:
        chosen = self._batches.draw_batch(step)
        labels = torch.from_numpy(self._batches.labels[chosen])
        mine = slice(self._rank, None, self._world)
        faces = to_tensor(self._batches.read(chosen[mine])).to(self._device)
        source = make_generator(self._seed, step)
        changes = draw_changes(len(chosen), faces.shape[-1], source)
        faces = apply_changes(faces, changes.select(mine))
        return faces, torch.cat([labels[rank :: self._world] for rank in range(self._world)])
