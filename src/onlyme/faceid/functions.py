"""Embed a face, compare two faces, or check liveness, each in one call and without a vault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import ImageError, UsageError
from onlyme.types import Embedding, Liveness, LivenessLevel, Reason, Verdict

if TYPE_CHECKING:
    from onlyme.enrollment.photos import Photo, Picture

__all__ = ["check_liveness", "compare", "embed"]

_CAUSE = {
    Reason.NO_FACE: "no face found",
    Reason.MANY_FACES: "several faces of similar size; cut the picture to one person",
}


def embed(image: Photo) -> Embedding:
    """Return the frozen network's own vector of the face that a picture shows.

    Args:
        image: a path, bytes, a PIL image, or a uint8[h, w, 3] RGB array; an embedding
            is returned as it is.

    Returns:
        float32[128] of unit length, with the hash of the network that made it. Two embeddings
        can be compared when the same network made them.

    Raises:
        ImageError: the picture cannot be used, or shows no face or several.
        ModelError: a network cannot be used.

    >>> embed("ada.jpg").vector.shape                                # doctest: +SKIP
    (128,)
    """
    from onlyme.faceid import networks
    from onlyme.settings import Settings

    if isinstance(image, Embedding):
        return image
    observation = networks.make_pipeline(Settings.load()).look(image)
    if observation.embedding is None:
        cause = _CAUSE.get(observation.reason) if observation.reason else None
        raise ImageError(observation.frame.source, cause or "no face can be used")
    return observation.embedding


def compare(image_a: Photo, image_b: Photo) -> float:
    """Return the distance between the faces of two pictures, 0 (the same) to 2 (opposite).

    For two photos of one person it is mostly below 1.1, for two people mostly above. It is the
    plain Euclidean distance of the network's own vectors. For a decision with a known error rate
    use `FaceID.verify`.

    Args:
        image_a: a picture or embedding, as for `embed`.
        image_b: another.

    Raises:
        ImageError: a picture cannot be used, or shows no face or several.
        UsageError: two different networks made the embeddings.
    """
    a, b = embed(image_a), embed(image_b)
    if a.model != b.model:
        raise UsageError("embeddings of two different networks cannot be compared")
    return float(np.linalg.norm(a.vector.astype(np.float64) - b.vector))


def check_liveness(image_or_frames: Picture | list[Any] | tuple[Picture, ...]) -> Liveness:
    """Judge whether a picture, or the frames of one capture, show a living person.

    A photo or a screen in place of the person is an `attack`. The answer is `undecided` if there
    is no face, too little around the face, several people one after the other, or no clear
    evidence; open nothing on it. Frames are better evidence than one picture: they must show one
    face throughout, and no frame twice.

    Args:
        image_or_frames: a path, bytes, a PIL image, a uint8[h, w, 3] RGB array, or frames
            in a list, in the order in which they were taken.

    Raises:
        ImageError: a picture cannot be used.
        UsageError: no frame was given.
        ModelError: a network cannot be used.

    >>> check_liveness("phone-held-to-the-camera.jpg").verdict       # doctest: +SKIP
    <Verdict.ATTACK: 'attack'>
    """
    from onlyme.faceid import networks
    from onlyme.liveness.judge import UNDECIDED
    from onlyme.settings import Settings
    from onlyme.verification.attempt import judge_capture, judge_photo

    settings, level = Settings.load(), LivenessLevel.PASSIVE
    pipeline = networks.make_pipeline(settings)
    judge = networks.choose_judge(settings, networks.choose_runtime(settings))
    if judge is None:
        return Liveness(level, Verdict.UNDECIDED, None)
    if isinstance(image_or_frames, (list, tuple)):
        return judge_capture(map(pipeline.look, image_or_frames), judge)
    observation = pipeline.look(image_or_frames)
    return judge_photo(observation, judge, level)[0] if observation.face else UNDECIDED


for _function in (check_liveness, compare, embed):
    _function.__module__ = "onlyme"  # where users find it
