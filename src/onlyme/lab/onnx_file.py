"""Export a trained embedder as an ONNX file with an entry in the models' manifest.

The file takes what the face room's embedder feeds to a network: aligned RGB faces of
n×3×112×112 (or whole photos of n×3×244×244), any number n of them, pixels times `scale`. The oval
and the division by the length are inside. It is checked through OpenCV, the runtime that will run
it, before it gets its name.
"""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from onlyme.errors import ModelError, UsageError
from onlyme.lab.calibration import FACES_SUFFIX
from onlyme.lab.constants import FACE_SIDE_PIXELS, PUBLISHED_SIDE_PIXELS
from onlyme.lab.networks import Siamese, to_tensor
from onlyme.storage.files import open_draft
from onlyme.storage.network_folder import check_entry, write_entry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.lab.networks import EmbeddingNetwork
    from onlyme.lab.run import TrainedNetwork

__all__ = ["ExportResult", "export", "get_embedder", "run_file"]

MAX_DISTANCE_DIFFERENCE = 1e-4
"""Largest allowed difference of a distance between two faces, trained network against file."""

_SCALE = 1 / 255
_OPSET = 17


@dataclass(frozen=True, slots=True)
class ExportResult:
    """The exported file.

    Attributes:
        path: the ONNX file.
        sha256: hash of the file; the `model` of every embedding that it will make.
        dimension: length of its vectors.
        difference: largest difference of a distance, trained network against file.
    """

    path: Path
    sha256: str
    dimension: int
    difference: float


def get_embedder(trained: TrainedNetwork) -> EmbeddingNetwork:
    """Return the embedder of a trained way.

    Raises:
        UsageError: when the way has none, or the product cannot use it.
    """
    if not isinstance(trained.network, Siamese):
        raise UsageError(
            f"{trained.spec.way} makes no embeddings, so it cannot be exported; "
            "train article or compact"
        )
    return trained.network.embedder


def export(
    embedder: EmbeddingNetwork,
    name: str,
    models: Path,
    faces: NDArray[np.uint8],
    *,
    title: str = "Embedder trained in the lab",
    whole: bool = False,
    learned: NDArray[np.uint64] | None = None,
    alpha: float | None = None,
    replace: bool = False,
) -> ExportResult:
    """Write an embedder where `--embedder NAME` finds it.

    Args:
        embedder: makes vectors of unit length.
        name: name of its manifest entry: small letters, digits and hyphens.
        models: folder of further networks; created when it is missing.
        faces: uint8[k, S, S, 3], RGB, k ≥ 2: aligned faces for the parity check, S = 112; with
            `whole` whole photos, S = 244.
        title: a description for people.
        whole: the network takes whole photos, made small, and not aligned faces.
        learned: hashes of the faces that it was trained on, from `calibration.hash_faces`, so
            that a calibration leaves these people out.
        alpha: that it was trained with; the product gives it to new owners, as long as the
            network is not calibrated.
        replace: replace an entry of that name.

    Raises:
        UsageError: when the vectors do not have unit length, the name is not allowed or is
            taken, or there are too few faces.
        ModelError: when the file does not compute what the network computes; the file is
            removed.
    """
    side = PUBLISHED_SIDE_PIXELS if whole else FACE_SIDE_PIXELS
    _check_request(embedder, faces, side)
    check_entry(models, name, replace=replace)
    content = _make_onnx(embedder, side)
    difference = _measure_difference(embedder, content, faces)
    if not difference <= MAX_DISTANCE_DIFFERENCE:
        raise ModelError(
            f"{name} was not exported: in OpenCV its distances differ by {difference:.1e} from "
            f"the trained network's, and at most {MAX_DISTANCE_DIFFERENCE:.0e} is allowed"
        )
    entry = {
        "title": title, "dimension": embedder.dimension, "size": side, "scale": _SCALE,
        "mean": 0.0, "whole": whole, "alpha": alpha,
    }  # fmt: skip
    path = write_entry(models, name, content, entry)
    if learned is not None:
        with open_draft(path.with_suffix(FACES_SUFFIX), mode=0o666) as file:  # less the umask
            np.save(file, learned)
    sha256 = hashlib.sha256(content).hexdigest()
    return ExportResult(path, sha256, embedder.dimension, difference)


def _check_request(embedder: EmbeddingNetwork, faces: NDArray[np.uint8], side: int) -> None:
    if not embedder.unit:
        raise UsageError(
            "this network makes vectors of any length, and onlyme needs unit length; "
            "train with --unit"
        )
    if len(faces) < 2 or faces.shape[1:] != (side, side, 3):
        raise UsageError(
            "the check of the exported file needs two or more aligned faces (or whole photos, for "
            f"a network that takes them) of {side}×{side} pixels"
        )


def _make_onnx(embedder: EmbeddingNetwork, side: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        path = Path(folder) / "network.onnx"
        # The tracing exporter warns that it is old. The new one needs one more package, and
        # for graphs without branches, such as these, it writes the same.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            embedder.eval(), (torch.zeros(1, 3, side, side),), str(path),
            input_names=["data"], output_names=["embedding"],
            dynamic_axes={"data": {0: "faces"}, "embedding": {0: "faces"}},
            opset_version=_OPSET, dynamo=False,
        )  # fmt: skip
        return path.read_bytes()


@torch.no_grad()
def _measure_difference(
    embedder: EmbeddingNetwork, content: bytes, faces: NDArray[np.uint8]
) -> float:
    """Return the largest difference of a distance between two of the faces.

    The file is asked about the faces one by one, and about two at a time.
    """
    trained = torch.cat([embedder(to_tensor(face[None])) for face in faces]).double().numpy()
    expected = _compute_distances(trained)
    return max(
        float(np.abs(_compute_distances(run_file(content, faces, batch)) - expected).max())
        for batch in (1, 2)
    )


def run_file(
    content: bytes, faces: NDArray[np.uint8], batch: int = 1, scale: float = _SCALE, mean: float = 0
) -> NDArray[np.float64]:
    """Return float64[k, d], the vectors of faces by an ONNX file, in OpenCV.

    Args:
        content: the file's bytes.
        faces: uint8[k, S, S, 3], RGB.
        batch: number of faces that are given at a time.
        scale: the difference of pixels and mean is multiplied by it.
        mean: is subtracted from pixels of 0 to 255.

    Raises:
        ModelError: when OpenCV cannot run the file.
    """
    try:
        net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
        rows = []
        for start in range(0, len(faces), batch):
            shown = list(faces[start : start + batch])
            net.setInput(cv2.dnn.blobFromImages(shown, scale, mean=(mean, mean, mean)))
            rows.append(np.array(net.forward(), np.float64))
    except cv2.error as error:
        raise ModelError(f"OpenCV cannot run the exported network: {error.err}") from None
    return np.concatenate(rows)


def _compute_distances(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(vectors[:, None] - vectors[None], axis=-1))
