"""Let further networks of the user's own refuse what the shipped one takes for a person.

Each of them may refuse, and none may accept. One that is missing, altered or broken, or that
returns no number, denies: otherwise deleting its file would open the door that it guards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

import cv2
import numpy as np

from onlyme.types import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onlyme.types import ExtraNetwork, Face, Liveness, NetworkFunction

__all__ = ["ExtraCheck", "apply_extra_checks"]


@dataclass(frozen=True, slots=True, eq=False)
class ExtraCheck:
    """One further network. Safe to call from several threads, one at a time inside.

    Attributes:
        network: its file and its input contract.
        run: the loaded network; None where it cannot be loaded, so that it denies.
    """

    network: ExtraNetwork
    run: NetworkFunction | None
    _lock: Lock = field(default_factory=Lock)

    def measure(self, pixels: NDArray[np.uint8], face: Face) -> float:
        """Return the network's probability of a living person; NaN where it gives none.

        Args:
            pixels: uint8[h, w, 3], RGB, the whole frame.
            face: a face found in it.
        """
        if self.run is None:
            return math.nan
        try:
            blob = self._make_input(pixels, face)
            with self._lock:
                scores = np.array(self.run(blob)[0], np.float64)
            return self._read_probability(scores)
        except Exception:  # noqa: BLE001 - a foreign network may fail in any way: each denies
            return math.nan

    def _make_input(self, pixels: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
        wanted, (height, width) = self.network, pixels.shape[:2]
        x, y, w, h = (float(value) for value in face.box)
        context = min(wanted.context, width / w, height / h)
        wide, high = w * context, h * context
        left = int(np.clip(x + w / 2 - wide / 2, 0, max(0, width - wide)))
        top = int(np.clip(y + h / 2 - high / 2, 0, max(0, height - high)))
        part = pixels[top : top + max(1, round(high)), left : left + max(1, round(wide))]
        return np.asarray(
            cv2.dnn.blobFromImage(
                part,
                scalefactor=wanted.scale,
                size=(wanted.side, wanted.side),
                mean=(wanted.mean,) * 3,
                swapRB=wanted.colours == "bgr",
            ),
            np.float32,
        )

    def _read_probability(self, scores: NDArray[np.float64]) -> float:
        number = self.network.live_class
        # A map or several rows hold no number for each class: at the class's place is another one.
        is_row = scores.size == max(scores.shape, default=1)
        if not is_row or number >= scores.size or not np.isfinite(scores).all():
            return math.nan
        scores = scores.ravel()
        if self.network.output == "logits":
            others = np.delete(scores, number) if scores.size > 1 else np.zeros(1)
            gap = np.logaddexp.reduce(others) - scores[number]
            return float(1 / (1 + np.exp(np.clip(gap, -500, 500))))
        value = float(scores[number])
        return value if 0 <= value <= 1 else math.nan


def apply_extra_checks(
    liveness: Liveness, checks: Sequence[ExtraCheck], measured: Sequence[Sequence[float]]
) -> Liveness:
    """Let each further network refuse a verdict of *live*; other verdicts stay as they are.

    Args:
        liveness: the verdict without them.
        checks: the further networks.
        measured: for each frame that is evidence, what each of them measured, in order.
    """
    if liveness.verdict is not Verdict.LIVE:
        return liveness
    for number, check in enumerate(checks):
        name = check.network.path.name
        values = [frame[number] if number < len(frame) else math.nan for frame in measured]
        mean = math.fsum(values) / len(values) if values else math.nan
        if not math.isfinite(mean):
            note = f"the further liveness network {name} gave no answer; run onlyme doctor"
            return replace(liveness, verdict=Verdict.UNDECIDED, score=0.5, note=note)
        if mean < check.network.threshold:
            note = f"the further liveness network {name} refused"
            return replace(liveness, verdict=Verdict.ATTACK, score=0.0, note=note)
    return liveness
