"""Export a trained embedder as an ONNX file with an entry in the models' manifest.

The file takes what the face room's embedder feeds to a network: aligned RGB faces of
1×3×112×112 (or whole photos of 1×3×244×244), pixels times `scale`. The oval and the division
by the length are inside. It is checked through OpenCV, the runtime that will run it, before it
gets its name.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import tomllib
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
from onlyme.storage.files import open_draft, replace_public

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.lab.networks import EmbeddingNetwork
    from onlyme.lab.run import TrainedNetwork

__all__ = ["MAX_DISTANCE_DIFFERENCE", "ExportResult", "export", "get_embedder"]

MAX_DISTANCE_DIFFERENCE = 1e-4
"""Largest allowed difference of a distance between two faces, trained network against file."""

_SCALE = 1 / 255
_OPSET = 17
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


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
    _check_request(embedder, name, faces, side)
    entries = _read_entries(models / "manifest.toml")
    if name in entries and not replace:
        raise UsageError(
            f"{models} already holds a network called {name}; to replace it, add --replace"
        )
    models.mkdir(parents=True, exist_ok=True)
    content = _make_onnx(embedder, side)
    difference = _measure_difference(embedder, content, faces)
    if not difference <= MAX_DISTANCE_DIFFERENCE:
        raise ModelError(
            f"{name} was not exported: in OpenCV its distances differ by {difference:.1e} from "
            f"the trained network's, and at most {MAX_DISTANCE_DIFFERENCE:.0e} is allowed"
        )
    sha256 = hashlib.sha256(content).hexdigest()
    # A new file name each time: a process that uses the old file keeps the old file.
    path = models / f"{name}-{sha256[:12]}.onnx"
    replace_public(path, content)
    if learned is not None:
        with open_draft(path.with_suffix(FACES_SUFFIX), mode=0o666) as file:  # less the umask
            np.save(file, learned)
    entries[name] = {
        "file": path.name, "sha256": sha256, "title": title, "licence": "LicenseRef-own",
        "origin": "trained in the onlyme lab", "needed_for": f"--embedder {name}",
        "dimension": embedder.dimension, "size": side, "scale": _SCALE, "mean": 0.0,
    }  # fmt: skip
    if whole:
        entries[name]["whole"] = True
    if alpha is not None:
        entries[name]["alpha"] = alpha
    _write_entries(models / "manifest.toml", entries)
    return ExportResult(path, sha256, embedder.dimension, difference)


def _check_request(
    embedder: EmbeddingNetwork, name: str, faces: NDArray[np.uint8], side: int
) -> None:
    if not embedder.unit:
        raise UsageError(
            "this network makes vectors of any length, and onlyme needs unit length; "
            "train with --unit"
        )
    if not _NAME.fullmatch(name) or name in {"detector", "embedder", "liveness"}:
        raise UsageError(
            f"{name!r} cannot be the name of a network: use a small letter, then small letters, "
            "digits and hyphens, 40 in all, but not detector, embedder or liveness"
        )
    if len(faces) < 2 or faces.shape[1:] != (side, side, 3):
        raise UsageError(
            "the check of the exported file needs two or more aligned faces (or whole photos, for "
            f"a network that takes them) of {side}×{side} pixels"
        )


def _make_onnx(embedder: EmbeddingNetwork, side: int) -> bytes:
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
        torch.no_grad(),
    ):
        path = Path(folder) / "network.onnx"
        # The tracing exporter warns that it is old. The new one needs one more package, and
        # for graphs without branches, such as these, it writes the same.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            embedder.eval(), (torch.zeros(1, 3, side, side),), str(path),
            input_names=["data"], output_names=["embedding"],
            opset_version=_OPSET, dynamo=False,
        )  # fmt: skip
        return path.read_bytes()


@torch.no_grad()
def _measure_difference(
    embedder: EmbeddingNetwork, content: bytes, faces: NDArray[np.uint8]
) -> float:
    """Return the largest difference of a distance between two of the faces."""
    try:
        net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
        rows = []
        for face in faces:
            net.setInput(cv2.dnn.blobFromImage(face, _SCALE))
            rows.append(np.array(net.forward(), np.float64).ravel())
    except cv2.error as error:
        raise ModelError(f"OpenCV cannot run the exported network: {error.err}") from None
    trained = torch.cat([embedder(to_tensor(face[None])) for face in faces]).double().numpy()
    return float(np.abs(_compute_distances(np.stack(rows)) - _compute_distances(trained)).max())


def _compute_distances(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(vectors[:, None] - vectors[None], axis=-1))


def _read_entries(path: Path) -> dict[str, dict[str, object]]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is not a manifest of models ({error}); choose another folder"
        ) from None


def _write_entries(path: Path, entries: dict[str, dict[str, object]]) -> None:
    lines = ["# Networks exported by `onlyme lab export`. Checked by sha256 at each load."]
    for name, entry in entries.items():
        lines += [
            "",
            f"[{name}]",
            *(f"{key} = {_format_toml(value)}" for key, value in entry.items()),
        ]
    replace_public(path, ("\n".join(lines) + "\n").encode())


def _format_toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_format_toml(v)}" for key, v in value.items()) + " }"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False)  # JSON and TOML escape alike
