"""Read the shipped embedder, SFace, as a torch network that can be trained further.

`GatedSFace` puts a second one beside it, for faces that are small or blurred.

The file is a chain of 27 blocks (a convolution, a normalisation and a PReLU each), one
linear layer and two normalisations. Its block-quantised weights become float32, exactly as
OpenCV reads them, so that the network makes the shipped network's vectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, normalize

from onlyme.errors import ModelError
from onlyme.lab.constants import FACE_SIDE_PIXELS
from onlyme.lab.networks._input import EmbeddingNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["GatedSFace", "SFace", "measure_smallness", "read_sface"]

_SMALL_DETAIL, _SHARP_DETAIL = 0.42, 0.50
"""Detail of 28 pixels over that of 14: at most the first in a face of 14 pixels, and at least the
second in 500 of 501 sharp photos (of 500 people of LFW, of whom no figure is told)."""


class SFace(EmbeddingNetwork):
    """The shipped embedder: float[n, 3, 112, 112] in [0, 1] → float[n, 128] of unit length.

    Args:
        blocks: each a convolution, a normalisation and a PReLU.
        head: from the features to the vector.
        shift: is subtracted from pixels of 0 to 255.
        scale: the difference is multiplied by it.

    Attributes:
        blocks: the convolutional part, which `freeze` counts from the first.
    """

    unit = True
    dimension = 128
    shift: Tensor
    scale: Tensor

    def __init__(
        self, blocks: list[nn.Module], head: list[nn.Module], shift: Any, scale: Any
    ) -> None:
        super().__init__()
        self.blocks, self.head = nn.Sequential(*blocks), nn.Sequential(*head)
        self.register_buffer("shift", torch.as_tensor(np.asarray(shift, np.float32)))
        self.register_buffer("scale", torch.as_tensor(np.asarray(scale, np.float32)))

    def forward(self, images: Tensor) -> Tensor:
        """Embed pictures."""
        return self.embed_features(self.make_features(images, 0), 0)

    def make_features(self, images: Tensor, count: int) -> Tensor:
        """Return what the first blocks make of pictures."""
        return self.blocks[:count]((_resize(images) * 255 - self.shift) * self.scale)  # type: ignore[no-any-return]  # torch calls layers untyped

    def embed_features(self, features: Tensor, count: int) -> Tensor:
        """Embed what the first blocks made."""
        return normalize(self.head(self.blocks[count:](features)))

    def freeze(self, count: int) -> None:
        """Keep the first blocks as they are, 0 to 27; the others learn."""
        for number, block in enumerate(self.blocks):
            block.requires_grad_(number >= count)

    def train(self, mode: bool = True) -> SFace:  # noqa: FBT001, FBT002 - torch's signature
        """Set the mode; the normalisations keep the statistics of the people SFace learned from."""
        super().train(mode)
        for part in self.modules():
            if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
                part.eval()
        return self


class GatedSFace(EmbeddingNetwork):
    """The shipped embedder for sharp faces, and its student for small and blurred ones.

    The detail of the picture itself decides, so that the vector of a sharp face stays the shipped
    network's: the student can change none of them.

    Args:
        sharp: the shipped embedder.
        small: its student.
        shared: number of their first blocks that are the same, and computed once.
    """

    unit = True
    dimension = 128

    def __init__(self, sharp: SFace, small: SFace, shared: int) -> None:
        super().__init__()
        self.sharp, self.small, self.shared = sharp, small, shared

    def forward(self, images: Tensor) -> Tensor:
        """Embed pictures."""
        features = self.sharp.make_features(images, self.shared)
        sharp, small = (
            part.embed_features(features, self.shared) for part in (self.sharp, self.small)
        )
        return normalize(sharp + measure_smallness(images) * (small - sharp))


def measure_smallness(images: Tensor) -> Tensor:
    """Say how far pictures lack the detail of a face of more than some 20 pixels.

    Args:
        images: float[n, 3, S, S] in [0, 1].

    Returns:
        float[n, 1] from 0, sharp, to 1, small or blurred.

    >>> measure_smallness(torch.rand(1, 3, 112, 112))
    tensor([[0.]])
    """
    middle = avg_pool2d(_resize(images).mean(1, keepdim=True), FACE_SIDE_PIXELS // 28)
    ratio = _measure_detail(middle) / (_measure_detail(avg_pool2d(middle, 2)) + 1e-6)
    return ((_SHARP_DETAIL - ratio) / (_SHARP_DETAIL - _SMALL_DETAIL)).clamp(0, 1)


def _measure_detail(pictures: Tensor) -> Tensor:
    """Return how much pixels differ from their surroundings: float[n, 1]."""
    around = avg_pool2d(pictures, 3, stride=1, padding=1, count_include_pad=False)
    return (pictures - around).abs().mean((2, 3))


def _resize(images: Tensor) -> Tensor:
    if images.shape[-1] == FACE_SIDE_PIXELS:
        return images
    side = (FACE_SIDE_PIXELS, FACE_SIDE_PIXELS)
    return interpolate(images, side, mode="bilinear", align_corners=False)


def read_sface(content: bytes) -> SFace:
    """Read the file of the shipped embedder.

    Args:
        content: the file's bytes, checked by its manifest.

    Raises:
        ModelError: when the file holds another kind of network.
    """
    graph = onnx.load_from_string(content).graph
    values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    layers: list[nn.Module] = []
    numbers: dict[str, NDArray[Any]] = {}
    for node in graph.node:
        options = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        parts = [values[name] for name in node.input if name in values]
        match node.op_type:
            case "DequantizeLinear":
                values[node.output[0]] = _dequantize(parts, options["axis"], options["block_size"])
            case "Reshape":
                values[node.output[0]] = parts[0].reshape(parts[1])
            case "Sub" | "Mul":
                numbers[node.op_type] = parts[0]
            case "Conv":
                layers.append(_make_convolution(parts, options))
            case "BatchNormalization":
                flat = bool(layers) and isinstance(layers[-1], nn.Linear)
                layers.append(_make_normalization(parts, options["epsilon"], flat=flat))
            case "PRelu":
                layers.append(_fill(nn.PReLU(parts[0].size), weight=parts[0].ravel()))
            case "Dropout":
                layers.append(nn.Dropout(0.4))
            case "Flatten":
                layers.append(nn.Flatten())
            case "Gemm":
                linear = nn.Linear(parts[0].shape[1], parts[0].shape[0])
                layers.append(_fill(linear, weight=parts[0], bias=parts[1]))
            case "Constant":
                pass
            case kind:
                raise ModelError(f"this is not the shipped embedder: it has a layer {kind}")
    first_of_head = next(
        (place for place, layer in enumerate(layers) if isinstance(layer, nn.Dropout)), None
    )
    if first_of_head is None or set(numbers) != {"Sub", "Mul"} or (first_of_head - 1) % 3:
        raise ModelError("this is not the shipped embedder: its layers come in another order")
    chain = layers[: first_of_head - 1]
    blocks: list[nn.Module] = [nn.Sequential(*chain[at : at + 3]) for at in range(0, len(chain), 3)]
    return SFace(blocks, layers[first_of_head - 1 :], numbers["Sub"], numbers["Mul"]).eval()


def _dequantize(parts: list[NDArray[Any]], axis: int, block: int) -> NDArray[np.float32]:
    """Return (quantized − zero) · scale; each block along an axis has its own two numbers."""
    quantized, scales, zeros = parts
    length = quantized.shape[axis]
    scale, zero = (
        np.repeat(part, block, axis=axis).take(np.arange(length), axis=axis)
        for part in (scales, zeros.astype(np.int32))
    )
    return np.asarray((quantized.astype(np.int32) - zero) * scale, np.float32)


def _make_convolution(parts: list[NDArray[Any]], options: dict[str, Any]) -> nn.Module:
    weight = parts[0]
    pads, group = options["pads"], options["group"]
    layer = nn.Conv2d(
        weight.shape[1] * group, weight.shape[0], tuple(options["kernel_shape"]),
        tuple(options["strides"]), tuple(pads[:2]), groups=group, bias=len(parts) > 1,
    )  # fmt: skip
    return _fill(layer, **dict(zip(("weight", "bias"), parts, strict=False)))


def _make_normalization(parts: list[NDArray[Any]], epsilon: float, *, flat: bool) -> nn.Module:
    kind = nn.BatchNorm1d if flat else nn.BatchNorm2d
    layer = kind(parts[0].size, eps=epsilon)
    names = ("weight", "bias", "running_mean", "running_var")
    return _fill(layer, **dict(zip(names, parts, strict=True)))


def _fill(layer: nn.Module, **parts: NDArray[Any]) -> nn.Module:
    with torch.no_grad():
        for name, part in parts.items():
            getattr(layer, name).copy_(torch.from_numpy(np.array(part, np.float32)))
    return layer
