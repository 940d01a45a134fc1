"""A network's checked bytes come in; it goes out on a faster engine, if that agrees with OpenCV.

OpenCV is the reference: heads, calibration and thresholds were made with what it computes.
Another engine is trusted with a network only after both have looked at the same drawn faces
and said the same, each time a process begins to use it: an engine, a driver or a processor
that rounds differently is found out before it decides about anybody.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np

from onlyme.errors import ModelError
from onlyme.face.align import align
from onlyme.face.detect import Detector
from onlyme.face.embed import Embedder
from onlyme.liveness.passive import LivenessNetwork
from onlyme.runtime.drawn_faces import draw_test_faces
from onlyme.runtime.openvino import EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.face.models import Model
    from onlyme.runtime.openvino import OpenVinoEngine

__all__ = ["MIN_EMBEDDING_COSINE", "make_detector", "make_embedder", "make_passive"]

MIN_EMBEDDING_COSINE: Final = 0.9995
"""Least cosine of the two engines' embeddings of one face. With bf16 the median of 1,200 photos is
0.99994 and the least 0.99957 (benchmarks/fast.py), while two photos of one person are rarely
above 0.9."""

MAX_LANDMARK_SHIFT_WIDTHS: Final = 0.005
"""Most that a landmark may be elsewhere, in widths of the face. Of 350 faces the most is 0.0002."""

MAX_SCORE_DIFFERENCE: Final = 0.005
"""Most that a detector's score may differ; measured: 0.00002."""

MAX_LOG_ODDS_DIFFERENCE: Final = 0.1
"""Most that the log-odds of liveness may differ; undecided is 4.3 of them wide."""


def make_detector(engine: OpenVinoEngine, model: Model) -> Detector:
    """Put the detector on an engine, in float32: rounding moves landmarks.

    Raises:
        Unfit: the engine cannot load it, or finds other faces than OpenCV.
        ModelMissing, ModelRefused: it cannot be used at all.
    """
    weights = model.read()
    reference = Detector(weights)
    fast = Detector(weights, engine.load_network(weights, exact=True, any_size=True, alone=True))
    for pixels, _ in draw_test_faces():
        with _translate_model_errors():
            expected, found = reference.detect(pixels), fast.detect(pixels)
            if len(expected) != len(found):
                raise EngineUnavailable(
                    f"OpenVINO finds {len(found)} faces where OpenCV finds {len(expected)}"
                )
            for one, other in zip(expected, found, strict=True):
                moved = float(np.abs(one.landmarks - other.landmarks).max() / one.box[2])
                _require_agreement(
                    moved, MAX_LANDMARK_SHIFT_WIDTHS, "landmarks lie {:.4f} face widths away"
                )
                _require_agreement(
                    abs(one.score - other.score),
                    MAX_SCORE_DIFFERENCE,
                    "the score of a face differs by {:.4f}",
                )
    return fast


def make_embedder(engine: OpenVinoEngine, model: Model) -> Embedder:
    """Put the embedder on an engine, in bf16 where the processor has it.

    Raises:
        Unfit: the engine cannot load it, or its embeddings are not OpenCV's.
        ModelMissing, ModelRefused: it cannot be used at all.
    """
    reference, fast = Embedder(model), Embedder(model, engine.load_network(model.read()))
    for pixels, face in draw_test_faces():
        with _translate_model_errors():
            aligned = align(pixels, face, model.size)
            cosine = float(reference.embed(aligned).vector @ fast.embed(aligned).vector)
            # `not <` would let NaN pass.
            if not cosine >= MIN_EMBEDDING_COSINE:
                raise EngineUnavailable(
                    f"OpenVINO's embedding has a cosine of {cosine:.5f} to OpenCV's"
                )
    return fast


def make_passive(engine: OpenVinoEngine, weights: bytes) -> LivenessNetwork:
    """Put the liveness network on an engine, in float32: it is small, and its rule was fitted.

    Raises:
        Unfit: the engine cannot load it, or says another thing than OpenCV.
        ModelRefused: it cannot be used at all.
    """
    reference = LivenessNetwork(weights)
    fast = LivenessNetwork(weights, engine.load_network(weights, exact=True, alone=True))
    for pixels, face in draw_test_faces():
        with _translate_model_errors():
            expected, odds = reference.look(pixels, face).odds, fast.look(pixels, face).odds
            if expected is None or odds is None:
                raise EngineUnavailable("liveness cannot be compared on a drawn face")
            _require_agreement(
                abs(expected - odds),
                MAX_LOG_ODDS_DIFFERENCE,
                "the log-odds of liveness differ by {:.3f}",
            )
    return fast


@contextmanager
def _translate_model_errors() -> Iterator[None]:
    """Turn what cannot be computed at all into a reason not to use the engine."""
    try:
        yield
    except ModelError as error:
        raise EngineUnavailable(f"OpenVINO gives no usable answer: {error}") from None


def _require_agreement(difference: float, limit: float, what: str) -> None:
    """Raise where two engines differ by more than may be; a NaN is no agreement."""
    if not difference <= limit:
        raise EngineUnavailable(f"OpenVINO disagrees with OpenCV: {what.format(difference)}")
