"""Make an exported network smaller: weights and features of eight bits in place of 32.

ONNX Runtime's quantiser measures the ranges of the features on faces, and writes a file that
OpenCV and OpenVINO run as well. Half of the people give the ranges; the others, whom it did not
see, show what the eight bits cost.
"""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from onlyme.errors import ModelError, UsageError, explain_extra
from onlyme.lab.calibration import FACES_SUFFIX
from onlyme.lab.onnx_file import run_file
from onlyme.lab.validation import Verification, measure_verification
from onlyme.storage.files import replace_public
from onlyme.storage.network_folder import check_entry, write_entry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.lab.people import People

__all__ = ["QuantizationResult", "quantize", "quantize_content"]

_MAX_CALIBRATION_FACES = 200
_MAX_PHOTOS = 4
"""Largest number of a person's photos that are used, so that none weighs most."""

_LAYERS = ["Conv", "Gemm", "MatMul"]
"""Layers whose numbers become eight bits: those that take the memory and the time."""


@dataclass(frozen=True, slots=True)
class QuantizationResult:
    """What was written, and what it costs.

    Attributes:
        path: the ONNX file.
        sizes: bytes of the file, before and after.
        before: how well the network tells the other half of the people apart, and `after`.
    """

    path: Path
    sizes: tuple[int, int]
    before: Verification
    after: Verification


def quantize(
    model: Any, name: str, models: Path, people: People, *, seed: int = 0, replace: bool = False
) -> QuantizationResult:
    """Write a network of eight bits beside an exported one.

    Args:
        model: the exported network, an `onlyme.face.models.Model`.
        name: of the new entry.
        models: the folder that gets it.
        people: people whom it was not trained on; those with two photos or more are used.
        seed: deals the people into those who give the ranges and those who are compared.
        replace: replace an entry of that name.

    Raises:
        UsageError: when ONNX Runtime is missing, the name is not allowed or taken, or there are
            too few people.
        ModelError: when OpenCV cannot run the network with eight bits; nothing is written.
    """
    check_entry(models, name, replace=replace)
    usable = people.select_by_photos(2)
    first = np.random.default_rng(seed).permutation(len(usable)) % 2 == 0
    ranges, judges = usable.select(first), usable.select(~first)
    if len(judges) < 2:
        raise UsageError(
            f"{len(usable)} people with two usable photos or more; quantising needs 4: two give "
            "the ranges of the numbers, and two others show what it costs"
        )
    content = model.read()
    faces = ranges.take_photos(2)[0][:_MAX_CALIBRATION_FACES]
    small = quantize_content(content, faces, model.scale, model.mean)
    shown, labels = judges.take_photos(_MAX_PHOTOS)
    try:
        before, after = (
            measure_verification(run_file(one, shown, scale=model.scale, mean=model.mean), labels)
            for one in (content, small)
        )
    except ModelError as error:
        raise ModelError(f"{model.name} cannot have eight bits: {error}") from None
    entry = {
        "title": f"{model.title}, eight bits", "dimension": model.dimension, "size": model.size,
        "scale": model.scale, "mean": model.mean, "whole": model.whole, "alpha": model.alpha,
    }  # fmt: skip
    known = model.path.with_suffix(FACES_SUFFIX)
    path = write_entry(models, name, small, entry)
    if known.exists():
        replace_public(path.with_suffix(FACES_SUFFIX), known.read_bytes())
    return QuantizationResult(path, (len(content), len(small)), before, after)


def quantize_content(
    content: bytes, faces: NDArray[np.uint8], scale: float, mean: float = 0.0
) -> bytes:
    """Return the bytes of an ONNX file whose convolutions and linear layers take eight bits.

    Args:
        content: the bytes of the file.
        faces: uint8[k, S, S, 3], RGB: the ranges are measured on them.
        scale: the difference of pixels and mean is multiplied by it.
        mean: is subtracted from pixels of 0 to 255.

    Raises:
        UsageError: when ONNX Runtime is not installed.
    """
    if find_spec("onnxruntime") is None:
        raise UsageError(f"quantising needs onnxruntime; {explain_extra('lab')}")
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it writes a lasting id, and reports to its maker
    from onnxruntime.quantization import (  # type: ignore[import-untyped]  # has no types
        CalibrationDataReader,
        QuantType,
        quantize_static,
    )

    blobs = (cv2.dnn.blobFromImage(face, scale, mean=(mean, mean, mean)) for face in faces)

    class Faces(CalibrationDataReader):  # type: ignore[misc]  # the library has no types
        def get_next(self) -> dict[str, Any] | None:
            return next(({"data": blob} for blob in blobs), None)

    with tempfile.TemporaryDirectory(prefix="onlyme-lab-") as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(content)
        level = logging.root.manager.disable
        logging.disable(logging.WARNING)  # it advises a preparation that these files do not need
        try:
            quantize_static(
                source, target, Faces(), per_channel=True, op_types_to_quantize=_LAYERS,
                activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
                extra_options={"QuantizeBias": False},  # OpenCV runs no linear layer with it
            )  # fmt: skip
        finally:
            logging.disable(level)
        return target.read_bytes()
