"""Load the networks on a faster engine, if it agrees with OpenCV.

OpenCV is the reference: heads, calibration and thresholds were made with its results. Another
engine is used for a network only after both have given the same results for the same drawn
faces, each time a process starts to use it. So an engine, a driver or a processor that rounds
differently is found before it decides about a person.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np

from onlyme.face.align import cut_out
from onlyme.face.detect import Detector
from onlyme.face.embed import Embedder
from onlyme.face.models.opencv import load_network
from onlyme.liveness.passive import LivenessNetwork
from onlyme.runtime.drawn_faces import draw_test_faces
from onlyme.runtime.openvino import EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.face.mesh import Mesh
    from onlyme.face.models import Model
    from onlyme.runtime.openvino import OpenVinoEngine

__all__ = ["MIN_EMBEDDING_COSINE", "make_detector", "make_embedder", "make_mesh", "make_passive"]

MIN_EMBEDDING_COSINE: Final = 0.9995
"""Least cosine of the two engines' embeddings of one face. With bf16 the median of 1,200 photos is
0.99994 and the least 0.99957 (benchmarks/fast.py); two photos of one person are rarely above
0.9."""

MAX_LANDMARK_SHIFT_WIDTHS: Final = 0.005
"""Largest distance of a landmark's two places, in face widths. The most in 350 faces is 0.0002."""

MAX_SCORE_DIFFERENCE: Final = 0.005
"""Largest difference of a face's two scores; measured: 0.00002."""

MAX_MESH_SHIFT_WIDTHS: Final = 0.001
"""Largest distance of a mesh point's two places, in face widths. The most on photos is
0.000002 (benchmarks/mesh.py)."""

MAX_BLENDSHAPE_DIFFERENCE: Final = 0.005
"""Largest difference of a score of an expression; measured: 0.000002."""

MAX_LOG_ODDS_DIFFERENCE: Final = 0.1
"""Largest difference of the log-odds of liveness; the range of *undecided* is 4.3 wide."""


def make_detector(engine: OpenVinoEngine, model: Model) -> Detector:
    """Load the detector on an engine, in float32: rounding would move landmarks.

    Raises:
        EngineUnavailable: the engine cannot load it, or finds other faces than OpenCV.
        ModelMissing, ModelRefused: it cannot be used at all.
    """
    weights = model.read()
    reference = Detector(weights)
    fast = Detector(weights, engine.load_network(weights, exact=True, any_size=True, alone=True))
    for pixels, _ in draw_test_faces():
        with _translate_errors():
            expected, found = reference.detect(pixels), fast.detect(pixels)
            if len(expected) != len(found):
                raise EngineUnavailable(
                    f"OpenVINO finds {len(found)} faces in a picture, OpenCV {len(expected)}"
                )
            for one, other in zip(expected, found, strict=True):
                moved = float(np.abs(one.landmarks - other.landmarks).max() / one.box[2])
                _require_agreement(
                    moved, MAX_LANDMARK_SHIFT_WIDTHS, "landmarks differ by {:.4f} face widths"
                )
                _require_agreement(
                    abs(one.score - other.score),
                    MAX_SCORE_DIFFERENCE,
                    "scores of a face differ by {:.4f}",
                )
    return fast


def make_embedder(engine: OpenVinoEngine, model: Model) -> Embedder:
    """Load the embedder on an engine, in bf16 where the processor has it.

    Raises:
        EngineUnavailable: the engine cannot load it, or its embeddings differ from OpenCV's.
        ModelMissing, ModelRefused: it cannot be used at all.
    """
    reference, fast = Embedder(model), Embedder(model, engine.load_network(model.read()))
    for pixels, face in draw_test_faces():
        with _translate_errors():
            aligned = cut_out(pixels, face, reference)
            cosine = float(reference.embed(aligned).vector @ fast.embed(aligned).vector)
            # With `<` a NaN would count as agreement.
            if not cosine >= MIN_EMBEDDING_COSINE:
                raise EngineUnavailable(
                    f"OpenVINO's embedding has a cosine of {cosine:.5f} to OpenCV's"
                )
    return fast


def make_passive(
    engine: OpenVinoEngine, model: Model, *, colourless: bool = False
) -> LivenessNetwork:
    """Load the liveness network on an engine, in float32, to which its fusion was fitted.

    Args:
        engine: the engine.
        model: the manifest entry.
        colourless: see `LivenessNetwork`.

    Raises:
        EngineUnavailable: the engine cannot load it, or its results differ from OpenCV's.
        ModelMissing, ModelRefused: it cannot be used at all.
    """
    reference = LivenessNetwork(load_network(model))
    run = engine.load_network(model.read(), exact=True, alone=True)
    fast = LivenessNetwork(run, colourless=colourless)
    for pixels, face in draw_test_faces():
        with _translate_errors():
            difference = reference.compute_odds(pixels, face) - fast.compute_odds(pixels, face)
            _require_agreement(
                abs(difference),
                MAX_LOG_ODDS_DIFFERENCE,
                "log-odds of liveness differ by {:.3f}",
            )
    return fast


def make_mesh(engine: OpenVinoEngine, points: Model, blendshapes: Model, canonical: Model) -> Mesh:
    """Load the mesh networks on an engine, in float32: rounding moves points by pixels.

    Args:
        engine: the engine.
        points: the manifest entry `mesh`.
        blendshapes: the manifest entry of the same name.
        canonical: the manifest entry of the same name.

    Raises:
        EngineUnavailable: the engine cannot load them, or finds other points than OpenCV.
        ModelMissing, ModelRefused: they cannot be used at all.
    """
    from onlyme.face import mesh

    head = mesh.load_canonical_face(canonical)
    reference = mesh.load_mesh(points, blendshapes, canonical)
    side, scored = mesh.INPUT_SIDE_PIXELS, mesh.SCORED_POINTS
    fast = mesh.Mesh(
        engine.load_tflite(points.read(), (1, side, side, 3)),
        engine.load_tflite(blendshapes.read(), (1, len(scored), 2), alone=True),
        head,
    )
    for pixels, face in draw_test_faces():
        with _translate_errors():
            expected, found = reference.locate(pixels, face), fast.locate(pixels, face)
            if expected is None or found is None:
                raise EngineUnavailable("no mesh is found on a drawn face")
            moved = float(np.abs(expected.points - found.points).max() / face.box[2])
            _require_agreement(
                moved, MAX_MESH_SHIFT_WIDTHS, "points of a mesh differ by {:.4f} face widths"
            )
            _require_agreement(
                abs(expected.presence - found.presence),
                MAX_SCORE_DIFFERENCE,
                "presence scores of a face differ by {:.4f}",
            )
            scores = (each.score_expression(expected) for each in (reference, fast))
            one, other = (np.array(list(each.values())) for each in scores)
            _require_agreement(
                float(np.abs(one - other).max()),
                MAX_BLENDSHAPE_DIFFERENCE,
                "scores of an expression differ by {:.4f}",
            )
    return fast


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn everything that goes wrong in a comparison into the reason not to use the engine.

    On an old processor it may give results of no size, on which any computation may fail.
    """
    try:
        yield
    except EngineUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - as above: OpenCV can do it all
        what = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise EngineUnavailable(f"OpenVINO gives no usable result: {what}") from None


def _require_agreement(difference: float, limit: float, what: str) -> None:
    """Raise if two engines differ by more than the limit, or by NaN."""
    if not difference <= limit:
        raise EngineUnavailable(f"OpenVINO disagrees with OpenCV: {what.format(difference)}")
