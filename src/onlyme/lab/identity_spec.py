"""Define the options of training an embedder on many people."""

from __future__ import annotations

import math
from dataclasses import dataclass

from onlyme.errors import UsageError
from onlyme.lab.losses import LOSSES, MINERS
from onlyme.lab.networks import BACKBONES

__all__ = ["FREE_OPTIONS", "SAMPLERS", "SCHEDULES", "IdentitySpec", "scale_rate"]

SCHEDULES = ("cosine", "linear", "step", "constant")
"""How the learning rate falls after the warm-up; `step` divides it by ten at 60 and 80 %."""

SAMPLERS = ("balanced", "uniform")
"""`balanced` draws people, and as many photos of each; `uniform` draws photos."""

FREE_OPTIONS = frozenset({"steps", "devices", "nodes", "check_every"})
"""Options that may change when a run is continued."""


@dataclass(frozen=True, slots=True)
class IdentitySpec:
    """Options of the training of an embedder.

    Attributes:
        dimension: length of its vectors.
        people: people in a batch, over all processes.
        photos: photos of each person in a batch.
        alpha: margin of the loss, for the losses that have one.
        steps: number of batches.
        rate: highest learning rate.
        seed: seed of weights, batches and augmentation.
        devices: processes on each machine (graphics cards where there are any).
        nodes: number of machines.
        precision: Lightning's name for it: `32-true`, `bf16-mixed`, `16-mixed` …
        network: one of `onlyme.lab.networks.BACKBONES`.
        loss: one of `onlyme.lab.losses.LOSSES`.
        miner: one of `onlyme.lab.losses.MINERS`.
        sampler: one of `SAMPLERS`.
        schedule: one of `SCHEDULES`.
        warm_up: share of the steps in which the rate rises, 0 to 1.
        accumulate: number of batches whose gradients are added up for one step.
        ema: decay of the moving average of the weights, 0 to 1; 0 for none.
        folds: people are dealt into this number of folds, and one fold is never trained on
            but validates; 0 for no validation.
        fold: the fold that validates, from 0.
        check_every: number of steps between two validations.

    Raises:
        UsageError: when a value is out of its range.
    """

    dimension: int = 128
    people: int = 32
    photos: int = 4
    alpha: float = 0.2
    steps: int = 2000
    rate: float = 1e-3
    seed: int = 0
    devices: int = 1
    nodes: int = 1
    precision: str = "32-true"
    network: str = "compact"
    loss: str = "supcon"
    miner: str = "none"
    sampler: str = "balanced"
    schedule: str = "cosine"
    warm_up: float = 0.1
    accumulate: int = 1
    ema: float = 0.99
    folds: int = 10
    fold: int = 0
    check_every: int = 200

    def __post_init__(self) -> None:
        for what, given, known in (
            ("network", self.network, BACKBONES),
            ("loss", self.loss, LOSSES),
            ("miner", self.miner, MINERS),
            ("sampler", self.sampler, SAMPLERS),
            ("schedule", self.schedule, SCHEDULES),
        ):
            if given not in known:
                raise UsageError(f"no {what} is called {given!r}; known: {', '.join(known)}")
        counts = (self.dimension, self.steps, self.devices, self.nodes, self.accumulate)
        if min(*counts, self.check_every) < 1:
            raise UsageError(
                "dimension, steps, devices, nodes, accumulate and check_every must be at least 1"
            )
        if not 0 < self.rate < math.inf:
            raise UsageError(f"rate = {self.rate:g} must be a number greater than 0")
        if not -1 <= self.alpha <= 1:
            raise UsageError(f"alpha = {self.alpha:g} is not between -1 and 1")
        if not (0 <= self.ema < 1 and 0 <= self.warm_up < 1):
            raise UsageError("ema and warm_up must be at least 0 and less than 1")
        if self.folds and not (self.folds >= 2 and 0 <= self.fold < self.folds):
            raise UsageError(
                f"fold = {self.fold} of {self.folds}: give 2 folds or more, and one of them from 0"
            )

    @property
    def world(self) -> int:
        """Number of processes."""
        return self.devices * self.nodes

    @property
    def ignored(self) -> frozenset[str]:
        """The options that do nothing beside the others."""
        ignored = set()
        if self.loss in {"supcon", "multi-similarity", "circle"} and self.miner in {
            "none",
            "batch-hard",
            "multi-similarity",
        }:
            ignored.add("alpha")
        if self.loss in {"arcface", "subcenter-arcface", "cosface"}:
            ignored.add("miner")  # these losses compare with classes and not with pairs
        if not self.folds:
            ignored |= {"fold", "check_every"}
        return frozenset(ignored)

    def scale_rate(self, step: int) -> float:
        """Return the share of the highest rate at a step.

        >>> spec = IdentitySpec(steps=100, warm_up=0.1)
        >>> [round(spec.scale_rate(step), 2) for step in (0, 9, 10, 55, 100)]
        [0.1, 1.0, 1.0, 0.5, 0.0]
        """
        return scale_rate(step, self.steps, self.warm_up, self.schedule)


def scale_rate(step: int, steps: int, warm_up: float, schedule: str = "cosine") -> float:
    """Return the share of the highest learning rate at a step; see `IdentitySpec`."""
    rise = max(1, round(steps * warm_up))
    if step < rise:
        return (step + 1) / rise
    done = (step - rise) / max(1, steps - rise)
    match schedule:
        case "cosine":
            return 0.5 + 0.5 * math.cos(math.pi * min(1.0, done))
        case "linear":
            return max(0.0, 1 - done)
        case "step":
            return 1.0 if done < 0.6 else 0.1 if done < 0.8 else 0.01
    return 1.0
