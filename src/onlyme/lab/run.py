"""Store a training run in a folder: its options, its photos and its result.

spec.json     the spec, and the fingerprint of spec and photos
photos.npz    the aligned photos, which are needed again for scoring (private: mode 0600)
last.ckpt     Lightning's newest checkpoint, from which a run that was cut short continues
network.pt    the trained weights; the run is finished when this file exists
result.json   steps, seconds, memory, learning curve, reason for the end
log/          metrics.csv, and TensorBoard's log where that is installed
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from onlyme.errors import UsageError
from onlyme.lab.checkpoints import save_tensors
from onlyme.lab.networks import build_network, to_tensor
from onlyme.lab.photos import Photos
from onlyme.lab.resume import check_checkpoints, check_unchanged, explain_damage, list_changes
from onlyme.lab.rules import draw_pair, get_default_rule
from onlyme.lab.spec import Spec
from onlyme.storage.files import make_folder, open_draft, replace_private

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from onlyme.lab.networks import Classifier, Siamese, TwoHead
    from onlyme.lab.rules import Rule

__all__ = [
    "CHECKPOINT_NAME",
    "PRODUCTION_ALPHA",
    "Run",
    "TrainedNetwork",
    "TrainingResult",
    "score_pairs",
]

CHECKPOINT_NAME = "last.ckpt"
"""File of Lightning's checkpoint in the folder of a run."""

PRODUCTION_ALPHA = -0.6
"""The alpha at which the article's demo decides."""

_BATCH_FACES = 32
"""Number of faces that are scored at a time."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The result of a run.

    Attributes:
        reason: why it ended: `zero loss`, `plateau`, `diverged`, `nothing learned` or `limit`.
        steps: number of steps in all.
        seconds: duration of the last call.
        peak_bytes: most memory that the process held during the last call.
        curve: step, clean loss, augmented loss.
    """

    reason: str
    steps: int
    seconds: float
    peak_bytes: int
    curve: tuple[tuple[int, float, float], ...]


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained network with the photos that it compares with.

    Attributes:
        spec: the way and its options.
        photos: the photos that it was trained on.
        network: the network, in evaluation mode.
        result: the result of the training.
    """

    spec: Spec
    photos: Photos
    network: Classifier | TwoHead | Siamese
    result: TrainingResult

    @property
    def threshold(self) -> float:
        """A face with this score or a higher one is accepted."""
        return self.network.threshold

    @property
    def production_threshold(self) -> float:
        """The threshold that a live view uses: the article lowers its alpha after training."""
        return PRODUCTION_ALPHA if self.spec.way == "article" else self.threshold

    @property
    def rule(self) -> Rule:
        """The rule by which `scores` decides when it is given none."""
        return get_default_rule(self.spec.way)

    def scores(self, faces: NDArray[np.uint8], rule: Rule | None = None) -> NDArray[np.float64]:
        """Score faces.

        Args:
            faces: uint8[k, S, S, 3], RGB, aligned like the photos.
            rule: see `onlyme.lab.rules`; None for the way's own.

        Returns:
            float64[k]; a face is accepted when its score is at least `threshold`.
        """
        pairs = self.pair_scores(faces)
        return (
            pairs[:, self.drawn_pair] if (rule or self.rule) == "pair" else self.join_pairs(pairs)
        )

    def join_pairs(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn float64[k, p], the scores by each pair, into float64[k], by all of them."""
        return np.asarray(self.network.join_pairs(torch.from_numpy(scores)).numpy(), np.float64)

    def pair_scores(self, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Score faces by each pair of stored photos alone.

        Returns:
            float64[k, p]: p is m·n for a Siamese way, m for `two-head`, 1 for `classifier`.
        """
        return score_pairs(self.network, self._stored_vectors, faces)

    @property
    def pairs(self) -> int:
        """Number of pairs of stored photos that the network can be asked about."""
        counts = {"classifier": 1, "two-head": len(self.photos.me)}
        return counts.get(self.spec.way, len(self.photos.me) * len(self.photos.not_me))

    @property
    def drawn_pair(self) -> int:
        """The pair that the article's rule asks; the seed draws it."""
        return draw_pair(self.pairs, self.spec.seed)

    @cached_property
    @torch.no_grad()
    def _stored_vectors(self) -> tuple[Tensor, ...]:
        return self.network.store(to_tensor(self.photos.me), to_tensor(self.photos.not_me))


@torch.no_grad()
def score_pairs(
    network: Classifier | TwoHead | Siamese, stored: tuple[Tensor, ...], faces: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return float64[k, p], the scores of k faces by each of p stored pairs, a few at a time."""
    starts = range(0, max(1, len(faces)), _BATCH_FACES)
    parts = [to_tensor(faces[start : start + _BATCH_FACES]) for start in starts]
    scores = torch.cat([network.pair_scores(stored, part) for part in parts])
    return np.asarray(scores.double().numpy(), np.float64)


class Run:
    """The folder of one run.

    Args:
        folder: its path; created when something is first written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoint = folder / CHECKPOINT_NAME
        self._spec, self._photos = folder / "spec.json", folder / "photos.npz"
        self._network, self._result = folder / "network.pt", folder / "result.json"

    @property
    def has_begun(self) -> bool:
        """Whether the folder holds a run, finished or not."""
        return self._spec.exists()

    @property
    def is_done(self) -> bool:
        """Whether the run is finished."""
        return self._network.exists()

    def begin(self, spec: Spec, photos: Photos) -> None:
        """Write the spec and the photos."""
        make_folder(self.folder)
        with open_draft(self._photos) as file:
            np.savez(file, me=photos.me, not_me=photos.not_me)
        self._write_spec(spec, photos)

    def _write_spec(self, spec: Spec, photos: Photos) -> None:
        document = {"spec": asdict(spec), "fingerprint": spec.fingerprint(photos)}
        replace_private(self._spec, json.dumps(document, indent=2).encode())

    def check_same(self, spec: Spec, photos: Photos) -> None:
        """Check that the folder holds a run with this spec and these photos.

        Raises:
            UsageError: when spec or photos differ; the message says what differs.
        """
        check_checkpoints(self.folder)
        with explain_damage(self.folder):
            document = json.loads(self._spec.read_text("utf-8"))
            before = Spec(**document["spec"])
            same = before.fingerprint(photos) == document["fingerprint"]
        changes = list_changes(asdict(before), asdict(spec), {"limit"})
        check_unchanged(self.folder, changes, same_photos=same)

    def can_go_on(self, spec: Spec) -> bool:
        """Whether a finished run ended at its limit, and the limit is higher now."""
        with explain_damage(self.folder):
            result = json.loads(self._result.read_text("utf-8"))
            return bool(result["reason"] == "limit" and spec.max_steps > result["steps"])

    def finish(self, trained: TrainedNetwork) -> None:
        """Write the result, then the weights: when they are there, the run is finished.

        The checkpoint stays only where a higher limit could continue the run.
        """
        self._write_spec(trained.spec, trained.photos)
        replace_private(self._result, json.dumps(asdict(trained.result), indent=2).encode())
        save_tensors(self._network, trained.network.state_dict(), mode=0o600)
        if trained.result.reason != "limit":
            self.checkpoint.unlink(missing_ok=True)

    def load(self) -> TrainedNetwork:
        """Return the trained network of a finished run.

        Raises:
            UsageError: when the folder holds no finished run.
        """
        if not (self.has_begun and self.is_done):
            raise UsageError(
                f"{self.folder} holds an unfinished run; finish it with --resume"
                if self.has_begun
                else f"{self.folder} holds no training run; make one with onlyme lab train"
            )
        with explain_damage(self.folder):
            spec = Spec(**json.loads(self._spec.read_text("utf-8"))["spec"])
            result = json.loads(self._result.read_text("utf-8"))
            result["curve"] = tuple(tuple(row) for row in result["curve"])
            with self._photos.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                photos = Photos(arrays["me"], arrays["not_me"])
            network = build_network(spec)
            network.load_state_dict(torch.load(self._network, weights_only=True))
            return TrainedNetwork(spec, photos, network.eval(), TrainingResult(**result))
