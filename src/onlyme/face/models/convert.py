"""Convert a TFLite network of convolutions to ONNX, as OpenCV and OpenVINO both read it.

OpenCV refuses the absolute values in the second embedder's file, and computes wrong vectors for
ONNX files that only say "pad as needed". So what the file spells out as
relu(x) + slope · (x − |x|) becomes one PReLU, and each convolution says how many pixels it pads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onlyme.errors import ModelRefused
from onlyme.face.models.tflite import Layer, read_tflite

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.face.models.tflite import TfliteGraph

__all__ = ["convert_to_onnx"]

_IR_VERSION, _OPSET = 8, 13
_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_INTS = 1, 2, 7
"""Values of enumerations in onnx.proto."""

_PRELU = ("relu", "absolute", "subtract", "multiply", "add")


def convert_to_onnx(data: bytes) -> bytes:
    """Convert a TFLite network to ONNX: pictures have their colours first, one in a batch.

    Raises:
        ModelRefused: it is no such network.
    """
    graph = read_tflite(data)
    try:
        return _Writer(graph).write()
    except (KeyError, IndexError, ValueError, StopIteration) as error:
        raise ModelRefused(f"the network cannot be converted ({type(error).__name__})") from None


class _Writer:
    def __init__(self, graph: TfliteGraph) -> None:
        self._graph = graph
        self._nodes: list[bytes] = []
        self._weights: list[bytes] = []

    def write(self) -> bytes:
        graph, at = self._graph, 0
        while at < len(graph.layers):
            at += self._add(at)
        picture, vector = graph.shapes[graph.input], graph.shapes[graph.output]
        body = b"".join(_message(1, node) for node in self._nodes)
        body += _text(2, "onlyme")
        body += b"".join(_message(5, weights) for weights in self._weights)
        size = (1, picture[3], picture[1], picture[2])
        body += _message(11, _describe_tensor(_name(graph.input), size))
        body += _message(12, _describe_tensor(_name(graph.output), (1, vector[-1])))
        return _number(1, _IR_VERSION) + _message(7, body) + _message(8, _number(2, _OPSET))

    def _add(self, at: int) -> int:
        """Write the layers from a place on as one node; return how many these are."""
        layer = self._graph.layers[at]
        if layer.kind in {"convolve", "convolve each"}:
            self._add_convolution(layer)
        elif layer.kind == "relu":
            return self._add_prelu(self._graph.layers[at : at + len(_PRELU)])
        elif layer.kind == "add":
            if any(one in self._graph.weights for one in layer.inputs):
                raise ValueError(layer.kind)
            self._add_node("Add", [_name(one) for one in layer.inputs], layer.output)
        elif layer.kind == "reshape" and layer.output == self._graph.output:
            # Rows and columns are 1 by now, so that the order of the numbers does not change.
            if self._graph.shapes[layer.inputs[0]][1:3] != (1, 1):
                raise ValueError(layer.kind)
            self._add_node("Flatten", [_name(layer.inputs[0])], layer.output)
        else:
            raise ValueError(layer.kind)
        return 1

    def _add_convolution(self, layer: Layer) -> None:
        picture, kernel, bias = layer.inputs
        weights = self._graph.weights[kernel]
        each = layer.kind == "convolve each"
        # TFLite: [out, rows, columns, in], or [1, rows, columns, out] for one kernel a colour.
        weights = weights.transpose(3, 0, 1, 2) if each else weights.transpose(0, 3, 1, 2)
        rows, columns = weights.shape[2:]
        size = self._graph.shapes[picture][1:3]
        before, after = zip(
            *(
                _pad(length, step, side) if layer.padded else (0, 0)
                for length, step, side in zip(size, layer.strides, (rows, columns), strict=True)
            ),
            strict=True,
        )
        options = [
            _attribute("kernel_shape", (rows, columns)),
            _attribute("strides", layer.strides),
            _attribute("pads", (*before, *after)),
            _attribute("group", len(weights) if each else 1),
        ]
        inputs = [_name(picture), self._store(kernel, weights), self._store(bias)]
        self._add_node("Conv", inputs, layer.output, options)

    def _add_prelu(self, layers: list[Layer]) -> int:
        relu, absolute, subtract, multiply, add = layers
        (picture,) = relu.inputs
        slope = next(one for one in multiply.inputs if one in self._graph.weights)
        fits = (
            tuple(layer.kind for layer in layers) == _PRELU
            and absolute.inputs == (picture,)
            and subtract.inputs == (picture, absolute.output)
            and set(multiply.inputs) == {slope, subtract.output}
            and set(add.inputs) == {relu.output, multiply.output}
        )
        if not fits:
            raise ValueError(relu.kind)
        # x − |x| is 2 x below zero.
        slopes = 2 * self._graph.weights[slope].reshape(-1, 1, 1)
        self._add_node("PRelu", [_name(picture), self._store(slope, slopes)], add.output)
        return len(layers)

    def _store(self, number: int, values: NDArray[np.float32] | None = None) -> str:
        values = self._graph.weights[number] if values is None else values
        name = _name(number)
        body = b"".join(_number(1, length) for length in values.shape)
        body += _number(2, _FLOAT) + _text(8, name) + _message(9, values.astype("<f4").tobytes())
        self._weights.append(body)
        return name

    def _add_node(
        self, kind: str, inputs: list[str], output: int, options: list[bytes] | None = None
    ) -> None:
        body = b"".join(_text(1, name) for name in inputs) + _text(2, _name(output))
        body += _text(4, kind) + b"".join(_message(5, option) for option in options or [])
        self._nodes.append(body)


def _pad(length: int, step: int, side: int) -> tuple[int, int]:
    """Pixels to add before and after, as TensorFlow's SAME does: an odd one comes after."""
    total = max((-(-length // step) - 1) * step + side - length, 0)
    return total // 2, total - total // 2


def _name(number: int) -> str:
    return f"t{number}"


def _describe_tensor(name: str, shape: tuple[int, ...]) -> bytes:
    sides = b"".join(_message(1, _number(1, length)) for length in shape)
    return _text(1, name) + _message(2, _message(1, _number(1, _FLOAT) + _message(2, sides)))


def _attribute(name: str, value: Any) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _ATTRIBUTE_INT)
    numbers = b"".join(_number(8, one) for one in value)
    return _text(1, name) + numbers + _number(20, _ATTRIBUTE_INTS)


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))
