"""Normalise by the statistics of the whole batch, also when several processes share it.

torch's own `SyncBatchNorm` does this on graphics cards only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn

__all__ = ["BatchNorm1d", "BatchNorm2d"]


class _MeanOfProcesses(torch.autograd.Function):
    """The mean of a tensor over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004 - torch's signature
        total = x.detach().clone()
        distributed.all_reduce(total)
        return total / distributed.get_world_size()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return _MeanOfProcesses.forward(ctx, grads[0])


class _SharedStatistics(nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - torch has no other name for what its two classes share
    """Batch normalisation whose mean and variance are those of all processes, of equal shares."""

    momentum: float
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Normalise float[n, c, …]."""
        if not (self.training and distributed.is_initialized()):
            return super().forward(x)
        axes = [axis for axis in range(x.dim()) if axis != 1]
        shape = [-1 if axis == 1 else 1 for axis in range(x.dim())]
        mean: Tensor = _MeanOfProcesses.apply(x.mean(axes))  # type: ignore[no-untyped-call]  # torch has no type for it
        centred = x - mean.reshape(shape)
        variance: Tensor = _MeanOfProcesses.apply(centred.square().mean(axes))  # type: ignore[no-untyped-call]  # as above
        count = x.numel() // x.shape[1] * distributed.get_world_size()
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / max(1, count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        return centred * scale.reshape(shape) + self.bias.reshape(shape)


class BatchNorm1d(_SharedStatistics, nn.BatchNorm1d):
    """Of float[n, c]."""


class BatchNorm2d(_SharedStatistics, nn.BatchNorm2d):
    """Of float[n, c, h, w]."""
