"""Settings come in; parts put together go out. The only place that chooses implementations."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

from onlyme.errors import ModelMissing, NotCalibrated
from onlyme.face.detect import Detector
from onlyme.face.embed import Embedder
from onlyme.face.models import SHIPPED, find
from onlyme.pipeline import Pipeline
from onlyme.siamese import Base
from onlyme.vault.store import Store

if TYPE_CHECKING:
    from onlyme.faceid import FaceID
    from onlyme.liveness.judge import Judge
    from onlyme.settings import Settings

    F = TypeVar("F", bound=FaceID)

__all__ = ["base", "face_id", "judge", "pipeline"]


@cache  # networks are loaded once in a process
def pipeline(settings: Settings) -> Pipeline:
    """Load the networks.

    Raises:
        ModelMissing, ModelRefused: one cannot be used.
    """
    return Pipeline(
        detector=Detector(find("detector", SHIPPED).read()),
        embedder=Embedder(find(settings.embedder, SHIPPED, settings.models)),
        max_pixels=int(settings.max_megapixels * 1e6),
        max_bytes=int(settings.max_megabytes * 2**20),
    )


def base(settings: Settings) -> Base:
    """Load the head, cohort and calibration that belong to the embedder.

    A network without them, such as one from the lab, decides by the NOT_ME photos it is
    given, and promises no false accept rate.
    """
    model = find(settings.embedder, SHIPPED, settings.models)
    try:
        return Base.load(model.sha256)
    except NotCalibrated:
        return Base.plain(model.sha256, model.dimension)


@cache
def judge() -> Judge | None:
    """Load what tells a person from a photo; None where the network is not there.

    Raises:
        ModelRefused: it is there, but not the one that the manifest names.
    """
    from onlyme.liveness.fuse import Fusion
    from onlyme.liveness.judge import Judge
    from onlyme.liveness.passive import Passive

    model = find("liveness", SHIPPED)
    try:
        return Judge(Passive(model.read()), Fusion.load(model.sha256))
    except ModelMissing:
        return None


def face_id(settings: Settings, cls: type[F]) -> F:
    """Put a FaceID together.

    Raises:
        OnlymeError: models or vault cannot be used.
    """
    store = Store(settings.vault)
    return cls(pipeline(settings), base(settings), store, settings.far, judge)
