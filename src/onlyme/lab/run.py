"""Store a training run in a folder: its options, its photos and its result.

spec.json     the spec, and the fingerprint of spec and photos
photos.npz    the aligned photos, which are needed again for scoring (private: mode 0600)
last.ckpt     Lightning's checkpoint, from which a killed run continues
network.pt    the trained weights; the run is finished when this file exists
result.json   steps, seconds, memory, learning curve, reason for the end
log/          Lightning's CSV log, and TensorBoard's where that is installed
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from onlyme.errors import UsageError
from onlyme.lab.networks import build_network, to_tensor
from onlyme.lab.photos import Photos
from onlyme.lab.spec import Spec
from onlyme.storage.files import open_draft, replace_private

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from onlyme.lab.networks import Classifier, Siamese, TwoHead

__all__ = ["CHECKPOINT_NAME", "Run", "TrainedNetwork", "TrainingResult"]

CHECKPOINT_NAME = "last.ckpt"
"""File of Lightning's checkpoint in the folder of a run."""

_BATCH_FACES = 32
"""Number of faces that are scored at a time."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The result of a run.

    Attributes:
        reason: why it ended: `zero loss`, `plateau`, `diverged` or `limit`.
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

    @torch.no_grad()
    def scores(self, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Score faces.

        Args:
            faces: uint8[k, S, S, 3], RGB, aligned like the photos.

        Returns:
            float64[k]; a face is accepted when its score is at least `threshold`.
        """
        parts = [
            self.network.scores(
                self._stored_vectors, to_tensor(faces[first : first + _BATCH_FACES])
            )
            for first in range(0, len(faces), _BATCH_FACES)
        ]
        return torch.cat(parts).double().numpy() if parts else np.empty(0)

    @cached_property
    @torch.no_grad()
    def _stored_vectors(self) -> tuple[Tensor, ...]:
        return self.network.store(to_tensor(self.photos.me), to_tensor(self.photos.not_me))


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
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open_draft(self._photos) as file:
            np.savez(file, me=photos.me, not_me=photos.not_me)
        document = {"spec": spec.to_json(), "fingerprint": spec.fingerprint(photos)}
        replace_private(self._spec, json.dumps(document, indent=2).encode())

    def check_same(self, spec: Spec, photos: Photos) -> None:
        """Check that the folder holds a run with this spec and these photos.

        Raises:
            UsageError: when spec or photos differ.
        """
        document = json.loads(self._spec.read_text("utf-8"))
        if document["fingerprint"] != spec.fingerprint(photos):
            raise UsageError(
                f"{self.folder} holds a run with other options or photos; "
                "continue it with the same ones, or choose another folder"
            )

    def finish(self, trained: TrainedNetwork) -> None:
        """Write the result, then the weights: when they are there, the run is finished."""
        replace_private(self._result, json.dumps(asdict(trained.result), indent=2).encode())
        with open_draft(self._network) as file:
            torch.save(trained.network.state_dict(), file)

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
        spec = Spec(**json.loads(self._spec.read_text("utf-8"))["spec"])
        result = json.loads(self._result.read_text("utf-8"))
        result["curve"] = tuple(tuple(row) for row in result["curve"])
        with np.load(self._photos, allow_pickle=False) as arrays:
            photos = Photos(arrays["me"], arrays["not_me"])
        network = build_network(spec)
        network.load_state_dict(torch.load(self._network, weights_only=True))
        return TrainedNetwork(spec, photos, network.eval(), TrainingResult(**result))
