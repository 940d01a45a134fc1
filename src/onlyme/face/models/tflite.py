"""Read a TFLite network: its layers, their weights and options.

TFLite files are FlatBuffers: tables whose fields are found through offsets. Only what a chain of
convolutions needs is read here, so that an installation from source does not need TensorFlow. The
numbers of fields are those of TensorFlow's schema.fbs. A file is read only after its hash was
checked.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from onlyme.errors import ModelRefused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Layer", "TfliteGraph", "read_tflite"]

_OPERATIONS = {
    0: "add",
    3: "convolve",
    4: "convolve each",
    18: "multiply",
    19: "relu",
    22: "reshape",
    41: "subtract",
    101: "absolute",
}
"""The operations that are understood, by their number in the schema."""

_STRIDE_FIELDS = {"convolve": (2, 1), "convolve each": (2, 1)}
_DEFAULTS = {
    "convolve": {3: 0, 4: 1, 5: 1},
    "convolve each": {3: 1, 4: 0, 5: 1, 6: 1},
    "add": {0: 0},
    "multiply": {0: 0},
    "subtract": {0: 0},
}
"""Options and the only value that is understood, or 0 where the file leaves them out: no fused
activation, no dilation, one kernel a colour."""

_FLOAT32 = 0


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation.

    Attributes:
        kind: its name in `_OPERATIONS`.
        inputs: numbers of its input tensors.
        output: number of its output tensor.
        strides: steps down and across; 1 where there are none.
        padded: whether the picture is padded so that each step has an output.
    """

    kind: str
    inputs: tuple[int, ...]
    output: int
    strides: tuple[int, int] = (1, 1)
    padded: bool = False


@dataclass(frozen=True, slots=True)
class TfliteGraph:
    """A network of one input and one output.

    Attributes:
        layers: in the order in which they run.
        shapes: of each tensor.
        weights: the constant tensors, float32, by number.
        input: number of the input tensor.
        output: number of the output tensor.
    """

    layers: list[Layer]
    shapes: list[tuple[int, ...]]
    weights: dict[int, NDArray[np.float32]]
    input: int
    output: int


def read_tflite(data: bytes) -> TfliteGraph:
    """Read a network.

    Raises:
        ModelRefused: it is no TFLite file, or has an operation that is not understood.
    """
    try:
        return _read_graph(data)
    except (struct.error, KeyError, IndexError, ValueError) as error:
        raise ModelRefused(f"the TFLite file is not understood ({type(error).__name__})") from None


def _read_graph(data: bytes) -> TfliteGraph:
    import numpy as np

    root = _Table(data, struct.unpack_from("<I", data)[0])
    kinds = [_read_kind(code) for code in root.tables(1)]
    (graph,) = root.tables(2)
    buffers, tensors = root.tables(4), graph.tables(0)
    shapes = [tuple(tensor.numbers(0)) for tensor in tensors]
    weights = {}
    for number, tensor in enumerate(tensors):
        content = buffers[tensor.number(2, "I")].content(0)
        if content and tensor.number(1, "b") == _FLOAT32:
            size = 4 * math.prod(shapes[number])
            weights[number] = np.frombuffer(content[:size], "<f4").reshape(shapes[number])
    (start,), (end,) = graph.numbers(1), graph.numbers(2)
    layers = [_read_layer(step, kinds) for step in graph.tables(3)]
    return TfliteGraph(layers, shapes, weights, start, end)


def _read_kind(code: _Table) -> str:
    return _OPERATIONS[max(code.number(0, "b"), code.number(3, "i"))]


def _read_layer(step: _Table, kinds: list[str]) -> Layer:
    kind = kinds[step.number(0, "I")]
    (output,) = step.numbers(2)
    options = step.table(4)
    for field, default in _DEFAULTS.get(kind, {}).items():
        if options is not None and options.number(field, "b") not in (0, default):
            raise ValueError(kind)
    if options is None or kind not in _STRIDE_FIELDS:
        return Layer(kind, tuple(step.numbers(1)), output)
    down, across = (options.number(field, "i") for field in _STRIDE_FIELDS[kind])
    return Layer(kind, tuple(step.numbers(1)), output, (down, across), options.number(0, "b") == 0)


class _Table:
    """One table of a FlatBuffers file; a field that is not there has the value 0."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._index = at - self._read("i", at)

    def number(self, field: int, kind: str) -> int:
        at = self._find(field)
        return self._read(kind, at) if at else 0

    def numbers(self, field: int) -> list[int]:
        at, count = self._vector(field)
        return list(struct.unpack_from(f"<{count}i", self._data, at))

    def content(self, field: int) -> bytes:
        at, count = self._vector(field)
        return self._data[at : at + count]

    def table(self, field: int) -> _Table | None:
        at = self._find(field)
        return _Table(self._data, at + self._read("I", at)) if at else None

    def tables(self, field: int) -> list[_Table]:
        at, count = self._vector(field)
        places = range(at, at + 4 * count, 4)
        return [_Table(self._data, place + self._read("I", place)) for place in places]

    def _vector(self, field: int) -> tuple[int, int]:
        at = self._find(field)
        if not at:
            return 0, 0
        start = at + self._read("I", at)
        return start + 4, self._read("I", start)

    def _find(self, field: int) -> int:
        place = 4 + 2 * field
        if place >= self._read("H", self._index):
            return 0
        offset = self._read("H", self._index + place)
        return self._at + offset if offset else 0

    def _read(self, kind: str, at: int) -> Any:
        return struct.unpack_from(f"<{kind}", self._data, at)[0]
