"""Test that a TFLite network is converted to ONNX that both runtimes compute alike."""

import struct

import cv2
import numpy as np
import pytest

from onlyme.errors import ModelRefused
from onlyme.face.embed import Embedder
from onlyme.face.models import find_model
from onlyme.face.models.convert import convert_to_onnx

ADD, CONVOLVE, EACH, MULTIPLY, RELU, RESHAPE, SUBTRACT, ABSOLUTE = 0, 3, 4, 18, 19, 22, 41, 101


class Table(dict):
    """A FlatBuffers table: what each field holds, by number."""


def write(value, out):
    """Append a table or vector and return where it begins; what it holds comes behind it."""
    out.extend(b"\0" * (-len(out) % 4))
    if isinstance(value, Table):
        size = max(value, default=-1) + 1
        index = len(out)
        out.extend(struct.pack("<HH", 4 + 2 * size, 4 + 4 * size) + b"\0" * (2 * size))
        out.extend(b"\0" * (-len(out) % 4))
        at = len(out)
        out.extend(struct.pack("<i", at - index) + b"\0" * (4 * size))
        for field, content in value.items():
            place = at + 4 + 4 * field
            struct.pack_into("<H", out, index + 4 + 2 * field, 4 + 4 * field)
            if isinstance(content, int):
                struct.pack_into("<i", out, place, content)
            else:
                struct.pack_into("<I", out, place, write(content, out) - place)
        return at
    at = len(out)
    out.extend(struct.pack("<I", len(value)))
    if isinstance(value, bytes):
        out.extend(value)
        return at
    first = len(out)
    out.extend(b"\0" * (4 * len(value)))
    for number, content in enumerate(value):
        place = first + 4 * number
        if isinstance(content, int):
            struct.pack_into("<i", out, place, content)
        else:
            struct.pack_into("<I", out, place, write(content, out) - place)
    return at


def make_tflite(tensors, steps):
    """Write a network of tensors (a shape, or constant weights) and steps."""
    buffers, described = [Table()], []
    for tensor in tensors:
        weights = isinstance(tensor, np.ndarray)
        described.append(
            Table({0: list(tensor.shape if weights else tensor), 2: len(buffers) * weights})
        )
        if weights:
            buffers.append(Table({0: tensor.astype("<f4").tobytes()}))
    kinds = sorted({kind for kind, *_ in steps})
    operators = [
        Table({0: kinds.index(kind), 1: list(inputs), 2: [output], 4: Table(options)})
        for kind, inputs, output, options in steps
    ]
    graph = Table({0: described, 1: [0], 2: [steps[-1][2]], 3: operators})
    root = Table({1: [Table({0: kind, 3: kind}) for kind in kinds], 2: [graph], 4: buffers})
    out = bytearray(8)
    struct.pack_into("<I", out, 0, write(root, out))
    return bytes(out)


def convolve(picture, kernels, bias, step):
    """Plain loops, padded as TensorFlow's SAME: an odd pixel comes after."""
    rows, columns, _ = picture.shape
    count, side, _, _ = kernels.shape
    high, wide = -(-rows // step), -(-columns // step)
    down, across = (
        max((n - 1) * step + side - length, 0) for n, length in ((high, rows), (wide, columns))
    )
    padded = np.pad(
        picture,
        ((down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0)),
    )
    out = np.empty((high, wide, count))
    for y in range(high):
        for x in range(wide):
            part = padded[y * step : y * step + side, x * step : x * step + side]
            out[y, x] = [(part * kernel).sum() for kernel in kernels]
    return out + bias


@pytest.fixture(scope="module")
def small():
    """A network of each kind of layer, and what plain loops say that it computes."""
    random = np.random.default_rng(0)
    picture = random.normal(size=(6, 6, 3))
    first, bias = random.normal(size=(4, 3, 3, 3)), random.normal(size=4)
    slope = random.normal(size=4) / 4
    each, each_bias = random.normal(size=(1, 3, 3, 4)), random.normal(size=4)
    last, last_bias = random.normal(size=(5, 3, 3, 4)), random.normal(size=5)
    seen = convolve(picture, first, bias, 2)
    seen = np.maximum(seen, 0) + slope * (seen - np.abs(seen))
    split = np.stack(
        [convolve(seen[..., n : n + 1], each[:, :, :, n : n + 1], 0, 1)[..., 0] for n in range(4)],
        axis=-1,
    )
    total = seen + split + each_bias
    expected = np.tensordot(last, total, 3) + last_bias
    wide = (1, 3, 3, 4)
    tensors = [
        (1, 6, 6, 3), first, bias, wide, wide, wide, wide, slope, wide, wide, each, each_bias,
        wide, wide, last, last_bias, (1, 1, 1, 5), (1, 5),
    ]  # fmt: skip
    steps = [
        (CONVOLVE, (0, 1, 2), 3, {0: 0, 1: 2, 2: 2}),
        (RELU, (3,), 4, {}),
        (ABSOLUTE, (3,), 5, {}),
        (SUBTRACT, (3, 5), 6, {}),
        (MULTIPLY, (7, 6), 8, {}),
        (ADD, (4, 8), 9, {}),
        (EACH, (9, 10, 11), 12, {0: 0, 1: 1, 2: 1, 3: 1}),
        (ADD, (9, 12), 13, {}),
        (CONVOLVE, (13, 14, 15), 16, {0: 1, 1: 1, 2: 1}),
        (RESHAPE, (16,), 17, {}),
    ]
    return tensors, steps, picture, expected


def test_opencv_computes_what_plain_loops_do(small):
    tensors, steps, picture, expected = small
    net = cv2.dnn.readNetFromONNX(np.frombuffer(convert_to_onnx(make_tflite(tensors, steps)), "u1"))
    net.setInput(picture.transpose(2, 0, 1)[None].astype(np.float32))
    np.testing.assert_allclose(net.forward().ravel(), expected, atol=1e-4)


def test_onnx_accepts_the_file(small):
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(convert_to_onnx(make_tflite(*small[:2])))
    onnx.checker.check_model(model, full_check=True)
    assert not any("auto_pad" in str(node) for node in model.graph.node)


def test_the_shipped_network_gives_the_same_vectors_in_both_runtimes():
    openvino = pytest.importorskip("onlyme.runtime.openvino")
    try:
        engine = openvino.OpenVinoEngine()
    except openvino.EngineUnavailable as error:
        pytest.skip(str(error))
    from onlyme.face.align import align
    from onlyme.runtime.drawn_faces import draw_test_faces

    model = find_model("second")
    one, other = Embedder(model), Embedder(model, engine.load_network(model.read()))
    for pixels, face in draw_test_faces():
        aligned = align(pixels, face, model.size)
        vectors = [each.embed(aligned).vector for each in (one, other)]
        assert vectors[0].shape == (192,)
        assert float(vectors[0] @ vectors[1]) > 0.9995


def test_what_is_not_understood_is_refused(small):
    tensors, steps, *_ = small
    for broken in (
        [*steps[:4], (MULTIPLY, (7, 3), 8, {}), *steps[5:]],  # not a PReLU
        [(CONVOLVE, (0, 1, 2), 3, {0: 0, 1: 2, 2: 2, 3: 1}), *steps[1:]],  # a fused activation
        [*steps[:8], (RESHAPE, (13,), 17, {})],  # rows and columns are left
        [*steps, (99, (17,), 17, {})],
    ):
        with pytest.raises(ModelRefused):
            convert_to_onnx(make_tflite(tensors, broken))


@pytest.mark.parametrize("cut", [0, 3, 60, 300, 900])
def test_a_file_that_is_cut_is_refused(small, cut):
    with pytest.raises(ModelRefused):
        convert_to_onnx(make_tflite(*small[:2])[:cut])
