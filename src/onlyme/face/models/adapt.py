"""Change published networks so that the runtimes can use them.

The two files are Protocol Buffers messages. The fields needed here are read directly, so that
an installation from source does not need the packages that define them.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from onlyme.errors import ModelRefused
from onlyme.face.models.convert import convert_to_onnx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ADAPTATIONS", "drop_weight_inputs", "extract_canonical_face"]

# Numbers of fields in onnx.proto.
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT = 1, 5, 11
_NODE_INPUT, _TENSOR_NAME, _INPUT_NAME = 1, 8, 1

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""The wire types of Protocol Buffers."""


class _Field(NamedTuple):
    """One field of a message: its number, its value, and the bytes that hold both."""

    number: int
    value: Any
    raw: bytes


def drop_weight_inputs(data: bytes) -> bytes:
    """Remove an ONNX graph's inputs that are weights or unused, since runtimes wait for them.

    Raises:
        ModelRefused: it is not an ONNX file.
    """
    out = []
    for field in _read_fields(data):
        if field.number == _MODEL_GRAPH:
            graph = _drop_graph_inputs(field.value)
            out.append(_write_varint(_MODEL_GRAPH << 3 | _BYTES) + _write_varint(len(graph)))
            out.append(graph)
        else:
            out.append(field.raw)
    return b"".join(out)


def _drop_graph_inputs(graph: bytes) -> bytes:
    fields = list(_read_fields(graph))
    weights = {
        _find(field.value, _TENSOR_NAME) for field in fields if field.number == _GRAPH_INITIALIZER
    }
    used = {
        each.value
        for field in fields
        if field.number == _GRAPH_NODE
        for each in _read_fields(field.value)
        if each.number == _NODE_INPUT
    }
    return b"".join(
        field.raw
        for field in fields
        if field.number != _GRAPH_INPUT or _find(field.value, _INPUT_NAME) in used - weights
    )


def extract_canonical_face(data: bytes) -> bytes:
    """Convert MediaPipe's canonical face to a NumPy file: float32[468, 4].

    Of each point x (to the person's left), y (up) and z (forward) in centimetres, and the
    weight of the point where the face is placed; 0 for most. The fields are those of MediaPipe's
    geometry_pipeline_metadata.proto and mesh_3d.proto.

    Raises:
        ModelRefused: it is not such a message.
    """
    import numpy as np

    fields = list(_read_fields(data))
    mesh = _find(data, 1)
    numbers = [field.value for field in _read_fields(mesh) if field.number == 3]
    face = np.zeros((len(numbers) // 5, 4), np.float32)
    points = [struct.unpack("<f", number)[0] for number in numbers]
    face[:, :3] = np.array(points, np.float32).reshape(-1, 5)[:, :3]
    for field in fields:
        if field.number == 2:
            point = {each.number: each.value for each in _read_fields(field.value)}
            face[point[1], 3] = struct.unpack("<f", point[2])[0]
    file = BytesIO()
    np.save(file, face)
    return file.getvalue()


ADAPTATIONS: dict[str, Callable[[bytes], bytes]] = {
    "drop-weight-inputs": drop_weight_inputs,
    "extract-canonical-face": extract_canonical_face,
    "convert-to-onnx": convert_to_onnx,
}
"""The adaptations by the names that the manifest uses."""


def _find(message: bytes, number: int) -> bytes:
    """Return the value of a message's first field with a number; empty if there is none."""
    return next((field.value for field in _read_fields(message) if field.number == number), b"")


def _read_fields(data: bytes) -> Iterator[_Field]:
    """Read a message: numbers of wire type 0 as integers, everything else as bytes."""
    at = 0
    while at < len(data):
        start = at
        key, at = _read_varint(data, at)
        wire = key & 7
        value: Any
        if wire == _VARINT:
            value, at = _read_varint(data, at)
        else:
            sizes = {_FIXED64: 8, _FIXED32: 4}
            size, at = _read_varint(data, at) if wire == _BYTES else (sizes.get(wire, -1), at)
            if size < 0 or at + size > len(data):
                raise ModelRefused("the file is not the message that it should be")
            value, at = data[at : at + size], at + size
        yield _Field(key >> 3, value, data[start:at])


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number that starts at a place, and the place after it."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
        if byte < 128:
            return value, at
    raise ModelRefused("the file is not the message that it should be")


def _write_varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
