"""Combine the evidence of one attempt's frames into one calibrated verdict.

A logistic model with two parameters turns the mean of the network's log-odds into the
probability of a living person. The frames of one attempt are strongly dependent, so their
evidence is averaged, never added: ten frames of one print prove no more than one. Between
two thresholds the verdict is *undecided*.
"""

from __future__ import annotations

import json
import math
from collections import Counter
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
"""The fitted parameters, with the data that they were fitted to and the error rates reached."""

_HOW = "liveness cannot be checked; reinstall onlyme"


@dataclass(frozen=True, slots=True)
class Fusion:
    """The rule that turns evidence into a verdict.

    Attributes:
        slope: of the calibrated log-odds against the mean of the network's; above 0.
        intercept: of the calibrated log-odds.
        live: least score for *live*, 0 to 1.
        attack: largest score for *attack*, 0 to `live`.
        network: sha256 of the network to which it was fitted.

    >>> import numpy as np
    >>> from onlyme.liveness.passive import FrameEvidence
    >>> fusion = Fusion(slope=1.0, intercept=0.0, live=0.9, attack=0.5, network="")
    >>> fused = fusion.fuse([FrameEvidence(4.0, 2.7, "", np.empty(0, np.uint8))])
    >>> str(fused.verdict), fused.score
    ('live', 0.982)
    """

    slope: float
    intercept: float
    live: float
    attack: float
    network: str

    @classmethod
    def load(cls, network: str) -> Self:
        """Load the rule that was fitted to a network.

        Args:
            network: sha256 of the network.

        Raises:
            ModelMissing: the parameters are not there.
            ModelRefused: they are damaged, or belong to another network.
        """
        return cls(**_read(CALIBRATION, network), network=network)

    def score(self, odds: float) -> float:
        """Return the probability of a living person, 0 to 1, for a mean of the log-odds."""
        z = self.slope * odds + self.intercept
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, z))))

    def fuse(self, frames: Sequence[FrameEvidence]) -> Liveness:
        """Combine the evidence of one attempt.

        The verdict is *undecided* if none of the frames, or fewer than half, are evidence.
        """
        odds = [frame.odds for frame in frames if frame.odds is not None]
        if not odds or 2 * len(odds) < len(frames):
            causes = Counter(frame.why for frame in frames if frame.odds is None)
            note = causes.most_common(1)[0][0] if causes else ""
            return Liveness(LivenessLevel.PASSIVE, Verdict.UNDECIDED, 0.5, note)
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
        raise ModelMissing(f"{path}: cannot be read ({error.strerror}); {_HOW}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelRefused(f"{path}: is damaged ({error}); {_HOW}") from None
    valid = numbers["slope"] > 0 and 0 < numbers["attack"] <= numbers["live"] < 1
    if not valid or not all(map(math.isfinite, numbers.values())):
        raise ModelRefused(f"{path}: is damaged (a number is out of range); {_HOW}")
    if fitted_to != network:
        raise ModelRefused(
            f"{path}: belongs to another liveness network; run benchmarks/liveness.py --fit"
        )
    return numbers
