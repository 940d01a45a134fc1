"""Glances of one attempt come in; one calibrated verdict goes out.

A logistic model with two parameters turns the mean of the network's log-odds into the
probability that a living person was seen. The frames of one attempt are anything but
independent, so their evidence is averaged, never added up: ten frames of one print are
not ten times as convincing as one. Between two thresholds the answer is *undecided*.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from onlyme.errors import ModelMissing, ModelRefused
from onlyme.types import Liveness, LivenessLevel, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onlyme.liveness.passive import FrameEvidence

__all__ = ["CALIBRATION", "Fusion"]

CALIBRATION = Path(__file__).with_name("calibration.json")
"""The parameters as fitted, with where they come from and what they reached."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """The rule that turns glances into a verdict.

    Attributes:
        slope: of the calibrated log-odds against the mean of the network's; above 0.
        intercept: of the calibrated log-odds.
        live: a score from here on is live, 0 to 1.
        attack: a score up to here is an attack, 0 to `live`.
        network: sha256 of the network that it was fitted to.

    >>> import numpy as np
    >>> from onlyme.liveness.passive import FrameEvidence
    >>> fusion = Fusion(slope=1.0, intercept=0.0, live=0.9, attack=0.5, network="")
    >>> fusion.fuse([FrameEvidence(4.0, 2.7, "", np.empty(0, np.uint8))])
    Liveness(level=<LivenessLevel.PASSIVE: 'passive'>, verdict=<Verdict.LIVE: 'live'>, score=0.982)
    """

    slope: float
    intercept: float
    live: float
    attack: float
    network: str

    @classmethod
    def load(cls, network: str) -> Self:
        """Return the rule that was fitted to a network.

        Args:
            network: sha256 of the network.

        Raises:
            ModelMissing: the parameters are not there.
            ModelRefused: they are broken, or belong to another network.
        """
        return cls(**_read(CALIBRATION, network), network=network)

    def score(self, odds: float) -> float:
        """Return the probability of live, 0 to 1, for a mean of the network's log-odds."""
        z = self.slope * odds + self.intercept
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, z))))

    def fuse(self, glances: Sequence[FrameEvidence]) -> Liveness:
        """Fuse the glances of one attempt.

        Fewer than half of them being evidence, or none at all, is *undecided*.
        """
        odds = [glance.odds for glance in glances if glance.odds is not None]
        if not odds or 2 * len(odds) < len(glances):
            return Liveness(LivenessLevel.PASSIVE, Verdict.UNDECIDED, 0.5)
        score = self.score(math.fsum(odds) / len(odds))
        if score >= self.live:
            verdict = Verdict.LIVE
        else:
            verdict = Verdict.ATTACK if score <= self.attack else Verdict.UNDECIDED
        return Liveness(LivenessLevel.PASSIVE, verdict, round(score, 4))


@cache
def _read(path: Path, network: str) -> dict[str, float]:
    try:
        values = json.loads(path.read_text("utf-8"))["parameters"]
        fitted_to = values["network"]
        numbers = {key: float(values[key]) for key in ("slope", "intercept", "live", "attack")}
    except OSError as error:
        raise ModelMissing(f"{path}: no calibration of liveness ({error.strerror})") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelRefused(f"{path}: not a calibration of liveness ({error})") from None
    sound = numbers["slope"] > 0 and 0 < numbers["attack"] <= numbers["live"] < 1
    if not sound or not all(map(math.isfinite, numbers.values())):
        raise ModelRefused(f"{path}: a calibration of liveness out of range")
    if fitted_to != network:
        raise ModelRefused(
            f"{path}: fitted to another liveness network; run benchmarks/liveness.py --fit"
        )
    return numbers
