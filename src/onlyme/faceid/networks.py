"""Load the networks, and choose the runtime that runs them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING

from onlyme.errors import (
    ModelError,
    ModelMissing,
    ModelRefused,
    SettingsError,
)
from onlyme.face.models import SHIPPED, find_model, read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme.face.detect import Detector
    from onlyme.face.embed import Embedder
    from onlyme.face.mesh import Mesh
    from onlyme.face.pipeline import Pipeline
    from onlyme.face.second import SecondEmbedder
    from onlyme.image.reader import ImageReader
    from onlyme.liveness.extra import ExtraCheck
    from onlyme.liveness.judge import Judge
    from onlyme.runtime.openvino import OpenVinoEngine
    from onlyme.settings import Settings
    from onlyme.siamese.head import Base
    from onlyme.types import ExtraNetwork, NetworkFunction

__all__ = [
    "choose_judge",
    "choose_runtime",
    "explain_unfit",
    "find_crash",
    "find_extra_fault",
    "has_second",
    "load_base",
    "load_extra_checks",
    "load_judge",
    "load_mesh",
    "load_second",
    "make_pipeline",
    "name_model",
    "start_engine",
]


_one_at_a_time = Lock()
"""The threads of a service start together; without it each would load and compare the networks."""


def name_model(settings: Settings, sha256: str) -> str:
    """Return the name of one of the user's own networks by its hash; empty if it is none."""
    if not (settings.models / "manifest.toml").exists():
        return ""
    with suppress(SettingsError):
        for name, model in read_manifest(settings.models).items():
            if model.sha256 == sha256:
                return name
    return ""


def make_pipeline(settings: Settings, *, lasting: bool = False, steady: bool = False) -> Pipeline:
    """Make the pipeline that finds and embeds faces; a process loads its networks once.

    Args:
        settings: name the networks and the runtime.
        lasting: this process looks at many pictures; see `choose_runtime`.
        steady: both networks look at each face, so that the time of an answer tells nothing.

    Raises:
        ModelMissing, ModelRefused: a network cannot be used.
    """
    from onlyme.face.pipeline import Pipeline
    from onlyme.runtime import VERSIONS

    runtime = choose_runtime(settings, lasting=lasting)
    second = partial(load_second, runtime, settings.models) if has_second(settings) else None
    return Pipeline(
        detector=_load_detector(runtime),
        embedder=_load_embedder(runtime, settings.embedder, settings.models),
        reader=make_reader(settings),
        runtime=runtime,
        runtime_version=VERSIONS[runtime],
        second=second,
        steady=steady,
    )


def make_reader(settings: Settings) -> ImageReader:
    """Make what reads pictures within the limits of the settings."""
    from onlyme.image.reader import ImageReader

    return ImageReader(int(settings.max_megapixels * 1e6), int(settings.max_megabytes * 2**20))


def has_second(settings: Settings) -> bool:
    """Return whether a second network looks at faces that are near alpha.

    Without its file one network decides, by a calibration of its own.
    """
    if settings.embedder != "embedder" or settings.embedders == "sface":
        return False
    return find_model("second", SHIPPED).path.exists()


def load_second(runtime: str = "opencv", models: Path = SHIPPED) -> SecondEmbedder:
    """Load what looks a second time, once in a process, when a face is first near alpha.

    Where OpenVINO runs the other networks but cannot be used for the second one, OpenCV runs that.

    Args:
        runtime: the runtime, as chosen by `choose_runtime`.
        models: the folder of the user's own networks, as in `make_pipeline`: so that the first
            network is not loaded twice.

    Raises:
        ModelMissing: a file is not there.
        ModelRefused: it is not the one that the manifest names, or OpenCV cannot load it.
    """
    with _one_at_a_time:
        return _load_second(runtime, models)


@cache
def _load_second(runtime: str, models: Path) -> SecondEmbedder:
    from onlyme.face.second import SecondEmbedder
    from onlyme.runtime.openvino import EngineUnavailable

    first = _load_embedder(runtime, "embedder", models)
    if runtime != "opencv":
        with suppress(EngineUnavailable):
            return SecondEmbedder(_load_embedder(runtime, "second", SHIPPED), first)
    return SecondEmbedder(_load_embedder("opencv", "second", SHIPPED), first)


def choose_runtime(settings: Settings, *, lasting: bool = False) -> str:
    """Choose the runtime: `opencv`, or `openvino` if that saves time overall.

    OpenVINO needs about 0.6 s to load its networks and to compare them with OpenCV, and 100 MB.
    That is more time than a whole `onlyme verify` takes. So only processes that look at many
    pictures use it, unless the settings ask for it.

    Args:
        settings: `runtime` is `auto`, or one of the two.
        lasting: the process looks at many pictures, as `watch` and the service do.

    Raises:
        ModelRefused: the settings ask for OpenVINO, and it cannot be used.
    """
    if settings.runtime == "opencv" or (settings.runtime == "auto" and not lasting):
        return "opencv"
    why = explain_unfit(settings)
    if why and settings.runtime == "openvino":
        raise ModelRefused(f"{why}; set runtime to auto, then OpenCV is used instead")
    return "opencv" if why else "openvino"


def explain_unfit(settings: Settings) -> str:
    """Return why OpenVINO cannot be used here; empty if it can be used and agrees with OpenCV.

    Raises:
        ModelMissing, ModelRefused: detector or embedder cannot be used with any runtime.
    """
    from onlyme.runtime.openvino import EngineUnavailable

    with _one_at_a_time:
        if crash := find_crash(settings):
            return f"OpenVINO cannot be used: {crash}"
        try:
            compare_engines(settings.embedder, settings.models)
        except EngineUnavailable as error:
            return str(error)
    return ""


def compare_engines(embedder: str, models: Path) -> None:
    """Load detector, embedder and liveness through OpenVINO, and compare each with OpenCV.

    Raises:
        EngineUnavailable: OpenVINO cannot be used for one of them.
        ModelMissing, ModelRefused: detector or embedder cannot be used with any runtime.
    """
    _load_detector("openvino")
    _load_embedder("openvino", embedder, models)
    with suppress(ModelError):  # it is reported when liveness is asked for
        load_judge("openvino")


_TRIAL = """
import sys
from pathlib import Path
from onlyme.faceid import networks
networks.compare_engines(sys.argv[1], Path(sys.argv[2]))
networks.load_mesh("openvino")
networks.load_second("openvino")
"""


def find_crash(settings: Settings) -> str:
    """Return how OpenVINO crashes here; empty if it does not, or is not installed."""
    from importlib.util import find_spec

    from onlyme.runtime import trial

    try:
        installed = find_spec("openvino") is not None
    except ValueError:  # a module without a specification
        installed = True
    if not installed:
        return ""
    arguments = (settings.embedder, str(settings.models))
    return trial.find_crash(_TRIAL, arguments, settings.vault)


@cache
def start_engine() -> OpenVinoEngine:
    """Start OpenVINO, once in a process.

    Raises:
        EngineUnavailable: it cannot be used here; see `onlyme.runtime.openvino`.
    """
    from onlyme.runtime.openvino import OpenVinoEngine

    return OpenVinoEngine()


@cache
def _load_detector(runtime: str) -> Detector:
    from onlyme.face.detect import Detector

    model = find_model("detector", SHIPPED)
    if runtime == "opencv":
        return Detector(model.read())
    from onlyme.runtime import agreement

    return agreement.make_detector(start_engine(), model)


@cache
def _load_embedder(runtime: str, name: str, models: Path) -> Embedder:
    from onlyme.face.embed import Embedder

    model = find_model(name, SHIPPED, models)
    if runtime == "opencv":
        return Embedder(model)
    from onlyme.runtime import agreement

    return agreement.make_embedder(start_engine(), model)


def load_base(settings: Settings) -> Base:
    """Load the head, cohort and calibration that belong to the embedder.

    Those of a network of the user's own are beside it (`onlyme lab calibrate` makes them).
    Without them it decides by the NOT_ME photos that it is given, and promises no false accept
    rate.

    Raises:
        NotCalibrated: the files of the shipped network are missing, or files are damaged.
    """
    from onlyme.siamese.head import Base

    model = find_model(settings.embedder, SHIPPED, settings.models)
    if model.path.parent == SHIPPED:
        base = Base.load(model.sha256)
        return base if has_second(settings) else replace(base, second=None)
    # `onlyme lab calibrate` writes it beside the network.
    path = model.path.with_name(f"base-{model.sha256[:12]}.npz")
    if path.exists():
        return Base.read(path, model.sha256)
    return Base.make_plain(model.sha256, model.dimension, model.alpha)


@cache
def load_judge(runtime: str = "opencv", *, colourless: bool = False) -> Judge | None:
    """Load the judge that tells a person from a photo; None if its network is missing.

    Args:
        runtime: the runtime, as chosen by `choose_runtime`.
        colourless: whether pictures without colour are evidence; see `choose_judge`.

    Raises:
        ModelRefused: the network's file is not the one that the manifest names.
    """
    from onlyme.face.models.opencv import load_network
    from onlyme.liveness.fusion import Fusion
    from onlyme.liveness.judge import Judge
    from onlyme.liveness.passive import LivenessNetwork

    model = find_model("liveness", SHIPPED)
    try:
        rule = Fusion.load(model.sha256)
        if runtime == "opencv":
            network = LivenessNetwork(load_network(model), colourless=colourless)
        else:
            from onlyme.runtime import agreement

            network = agreement.make_passive(start_engine(), model, colourless=colourless)
    except ModelMissing:
        return None
    return Judge(network, rule)


def choose_judge(settings: Settings, runtime: str = "opencv") -> Judge | None:
    """Load the judge that tells a person from a photo, as the settings want it.

    Raises:
        ModelRefused: the network's file is not the one that the manifest names.
    """
    if settings.liveness_colourless == "judge":
        judge = load_judge(runtime, colourless=True)
    else:
        judge = load_judge(runtime)  # without the keyword: the cache tells calls apart by it
    if judge is None or not settings.liveness_extra:
        return judge
    return replace(judge, extras=load_extra_checks(settings.liveness_extra))


@cache
def load_extra_checks(wanted: tuple[ExtraNetwork, ...]) -> tuple[ExtraCheck, ...]:
    """Load further liveness networks; one that cannot be loaded is kept, and denies."""
    from onlyme.liveness.extra import ExtraCheck

    checks = []
    for one in wanted:
        run = None
        with suppress(ModelError):
            run = _load_extra_network(one)
        checks.append(ExtraCheck(one, run))
    return tuple(checks)


def _load_extra_network(wanted: ExtraNetwork) -> NetworkFunction:
    """Load one further liveness network.

    Raises:
        ModelError: the file is not there, was altered, or cannot be run.
    """
    from onlyme.face.models import Model
    from onlyme.face.models.opencv import load_network

    return load_network(Model("extra", wanted.path, wanted.sha256, "", "", "", "liveness"))


def find_extra_fault(wanted: ExtraNetwork) -> str:
    """Say why a further liveness network cannot be used; empty where it can."""
    import numpy as np

    from onlyme.liveness.extra import ExtraCheck
    from onlyme.types import Face

    try:
        check = ExtraCheck(wanted, _load_extra_network(wanted))
    except ModelError as error:
        return str(error).partition("; ")[0]
    picture = np.full((240, 320, 3), (150, 110, 90), np.uint8)
    face = Face(np.array([110, 70, 100, 100], np.float32), np.zeros((5, 2), np.float32), 1.0)
    if not np.isfinite(check.measure(picture, face)):
        return f"{wanted.path} gives no probability for a picture"
    return ""


def load_mesh(runtime: str = "opencv") -> Mesh:
    """Load the mesh networks, once in a process, when something first asks for them.

    Where OpenVINO runs the other networks but cannot be used for these, OpenCV runs these.

    Args:
        runtime: the runtime, as chosen by `choose_runtime`.

    Raises:
        ModelMissing: a file is not there: what needs the mesh must refuse.
        ModelRefused: it is not the one that the manifest names, or OpenCV cannot load it.
    """
    from onlyme.runtime.openvino import EngineUnavailable

    with _one_at_a_time:
        if runtime != "opencv":
            with suppress(EngineUnavailable):
                return _load_mesh(runtime)
        return _load_mesh("opencv")


@cache
def _load_mesh(runtime: str) -> Mesh:
    models = [find_model(name, SHIPPED) for name in ("mesh", "blendshapes", "canonical")]
    if runtime == "opencv":
        from onlyme.face import mesh

        return mesh.load_mesh(*models)
    from onlyme.runtime import agreement

    return agreement.make_mesh(start_engine(), *models)
