"""Load networks through OpenVINO.

Importing this module does not load OpenVINO; `OpenVinoEngine` does. It takes a tenth of a
second, which pays off only in processes that run for a while.

Nothing is stored on the disk. OpenVINO could store compiled networks and load them again in
0.05 s, but such a file cannot be compared with the manifest: anyone who may write to the cache
could exchange a network, in spite of its checked weights.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import ModelError
from onlyme.storage.system import copy_in_memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from onlyme.types import NetworkFunction

__all__ = ["EngineUnavailable", "OpenVinoEngine"]


class EngineUnavailable(Exception):  # noqa: N818 - a state; it never leaves onlyme, which falls back to OpenCV
    """OpenVINO cannot be used here; the message says why."""


class OpenVinoEngine:
    """OpenVINO on this processor.

    Attributes:
        version: OpenVINO's version, such as `2026.4.1`.
        precision: for networks that may be rounded: `bf16` where the processor supports it,
            else `f32`.

    Raises:
        EngineUnavailable: OpenVINO is not installed, or does not start.
    """

    def __init__(self) -> None:
        # Importing OpenVINO loads this package, which asks an analytics server and stores an
        # identity in the user's home; no setting stops it. OpenVINO does without it.
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # None: not to be found
        try:
            import openvino
            from openvino.frontend.onnx import ConversionExtension

            # Only files with a scale for each block of weights need the extension, which knows no
            # other use of this layer.
            self._core, self._block_core = openvino.Core(), openvino.Core()
            self._block_core.add_extension(
                ConversionExtension("DequantizeLinear", _fold_dequantize)
            )
            able = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        except ImportError as error:
            why = "is not installed" if error.name == "openvino" else f"cannot load ({error})"
            raise EngineUnavailable(f"OpenVINO {why}") from None
        except Exception as error:  # noqa: BLE001 - a broken install may raise anything
            raise EngineUnavailable(f"OpenVINO does not start ({_shorten_error(error)})") from None
        self.version = str(openvino.__version__).partition("-")[0]
        self.precision = "bf16" if "BF16" in able else "f32"

    def load_network(
        self, weights: bytes, *, exact: bool = False, any_size: bool = False, alone: bool = False
    ) -> NetworkFunction:
        """Load a network of one input; return a function from its input to its outputs.

        The function is for one thread at a time, and its outputs are valid until the next
        call; it raises ModelError where it cannot run.

        Args:
            weights: the ONNX file's bytes, checked already; only they are used.
            exact: compute in float32 even if the processor can compute in bf16.
            any_size: accept pictures of any height and width.
            alone: run in one thread. A small network is not faster with a second one, and on a
                busy machine each waits for the other.

        Raises:
            EngineUnavailable: OpenVINO cannot load it.
        """
        precision = "f32" if exact else self.precision
        try:
            core = self._block_core if b"block_size" in weights else self._core
            model = core.read_model(weights)
            if any_size:
                model.reshape([1, 3, -1, -1])
            request = self._compile(model, precision, alone=alone)
        except Exception as error:  # noqa: BLE001 - its own exceptions share no base class
            raise EngineUnavailable(
                f"OpenVINO cannot load a network ({_shorten_error(error)})"
            ) from None
        return _wrap_request(request)

    def load_tflite(
        self, weights: bytes, shape: Sequence[int], *, alone: bool = False
    ) -> NetworkFunction:
        """Load a TFLite network as `load_network` does, to compute in float32.

        Args:
            weights: the file's bytes, checked already; only they are used.
            shape: of its input.
            alone: run in one thread.

        Raises:
            EngineUnavailable: OpenVINO cannot load it.
        """
        try:
            with _name_in_memory(weights, "network.tflite") as path:
                model = self._core.read_model(path)
                model.reshape(list(shape))
                request = self._compile(model, "f32", alone=alone)
        except Exception as error:  # noqa: BLE001 - its own exceptions share no base class
            raise EngineUnavailable(
                f"OpenVINO cannot load a network ({_shorten_error(error)})"
            ) from None
        return _wrap_request(request)

    def _compile(self, model: Any, precision: str, *, alone: bool) -> Any:
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
        options |= {"INFERENCE_NUM_THREADS": "1"} if alone else {}
        return self._core.compile_model(model, "CPU", options).create_infer_request()


def _wrap_request(request: Any) -> NetworkFunction:
    """Return a function from a network's input to its outputs."""

    def run(blob: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        try:
            answers = request.infer({0: blob}, share_inputs=True, share_outputs=True)
            return [np.asarray(answer, np.float32) for answer in answers.to_tuple()]
        except Exception as error:  # noqa: BLE001 - as above
            raise ModelError(f"OpenVINO cannot run a network ({_shorten_error(error)})") from None

    return run


@contextmanager
def _name_in_memory(data: bytes, name: str) -> Iterator[str]:
    """Yield a path with this file name that leads to bytes in memory.

    OpenVINO reads TFLite only from a path, and knows it by the ending. The path is in a folder
    that only this user may read or write.
    """
    with (
        copy_in_memory(name) as (copy, source),
        TemporaryDirectory(prefix="onlyme-") as folder,
    ):
        copy.write(data)
        copy.flush()
        path = Path(folder) / name
        if Path(source).name == name:  # elsewhere than on Linux it has the ending already
            path = Path(source)
        else:
            path.symlink_to(source)
        yield str(path)


def _shorten_error(error: Exception) -> str:
    """Return the useful line of an error; OpenVINO's errors begin with a file and a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    useful = [line for line in lines if not line.startswith(("Exception from", "Check '"))]
    return (useful or lines or [type(error).__name__])[0][:200]


def _fold_dequantize(node: Any) -> Any:
    """Replace weights that are stored as integers with a scale for each block by their values.

    OpenVINO's own reader does not accept the blocks of SFace's file. ONNX, operator
    DequantizeLinear: y = (x − zero point) · scale.
    """
    from openvino import opset13

    x, scale, *zero = (node.get_input(n).get_node().data for n in range(node.get_input_size()))
    axis, block = node.get_attribute("axis", 1), node.get_attribute("block_size", 0)

    def spread(values: NDArray[Any]) -> NDArray[np.float32]:
        if block:
            values = np.repeat(values, block, axis).take(range(x.shape[axis]), axis)
        elif values.size > 1:
            values = values.reshape([-1 if n == axis % x.ndim else 1 for n in range(x.ndim)])
        return values.astype(np.float32)

    offset = spread(zero[0]) if zero else np.float32(0)
    return opset13.constant((x.astype(np.float32) - offset) * spread(scale)).outputs()
