"""Find, embed and compare faces, or check liveness, each in one call and without a vault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onlyme.errors import ImageError, UsageError, check_callback
from onlyme.types import Embedding, Liveness, LivenessLevel, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from onlyme.enrollment.photos import Photo, Picture
    from onlyme.face.pipeline import Pipeline
    from onlyme.faceid.comparison import FaceComparison
    from onlyme.faceid.face_table import FaceTable
    from onlyme.types import DetectedFace

__all__ = ["check_liveness", "compare", "detect", "embed", "embed_all"]

_CAUSE = {
    Reason.NO_FACE: "no face found",
    Reason.MANY_FACES: "several faces of similar size; cut the picture to one person",
}


def detect(image: Picture, *, embed: bool = False, color: str = "rgb") -> list[DetectedFace]:
    """Find all faces in a picture, the largest first.

    Args:
        image: a path, bytes, a PIL image, or a uint8[h, w, 3] array.
        embed: also embed each face.
        color: the order of an array's colours: `rgb`, or `bgr` as OpenCV reads them.

    Returns:
        Of each face its box, landmarks, pose, quality and aligned crop; an empty list when there
        is none.

    Raises:
        ImageError: the picture cannot be used.
        ModelError: a network cannot be used.

    >>> [face.yaw for face in detect("group.jpg")]                   # doctest: +SKIP
    [-12.4, 3.1]
    """
    from onlyme.face.detected import describe_face
    from onlyme.faceid import networks
    from onlyme.faceid.pictures import order_colors
    from onlyme.settings import Settings

    pipeline = networks.make_pipeline(Settings.load())
    frame = pipeline.decode(order_colors(image, color))
    faces = pipeline.detector.detect(frame.pixels, every=True)
    embedder = pipeline.embedder if embed else None
    return [describe_face(frame.pixels, face, embedder) for face in faces]


def embed(image: Photo, *, color: str = "rgb") -> Embedding:
    """Return the frozen network's own vector of the face that a picture shows.

    Args:
        image: a path, bytes, a PIL image, or a uint8[h, w, 3] array; an embedding is returned
            as it is.
        color: the order of an array's colours: `rgb`, or `bgr` as OpenCV reads them.

    Returns:
        float32[128] of unit length, with the hash of the network that made it. Two embeddings
        can be compared when the same network made them. `second` is the second look's vector;
        None if the face is small or the settings leave that network out.

    Raises:
        ImageError: the picture cannot be used, or shows no face or several.
        UsageError: several pictures were given as one; see `embed_all`.
        ModelError: a network cannot be used.

    >>> embed("ada.jpg").vector.shape                                # doctest: +SKIP
    (128,)
    """
    from onlyme.faceid import networks
    from onlyme.faceid.pictures import choose_one
    from onlyme.settings import Settings

    picture, _ = choose_one(image, None, color)
    if isinstance(picture, Embedding):
        return picture
    pipeline = networks.make_pipeline(Settings.load())
    return embed_one(pipeline, picture, complete=True)


def embed_all(
    images: Photo | Iterable[Photo],
    *,
    color: str = "rgb",
    on_picture: Callable[[str], None] | None = None,
) -> FaceTable:
    """Embed the face of each of many pictures, to compare and search them.

    Args:
        images: pictures, folders of pictures, or a generator of them.
        color: the order of an array's colours: `rgb`, or `bgr` as OpenCV reads them.
        on_picture: called with the name of each picture as soon as it was looked at.

    Returns:
        One row for each picture that shows one person; the others are in its `failed`.

    Raises:
        UsageError: no such order of colours; embeddings of two networks.
        ModelError: a network cannot be used.

    >>> table = embed_all("holiday/")                                # doctest: +SKIP
    >>> table.find_nearest(embed("ada.jpg"), count=1)                # doctest: +SKIP
    [('holiday/3.jpg', 0.81)]
    """
    from onlyme.faceid import networks
    from onlyme.faceid.batch import look_at_all
    from onlyme.faceid.face_table import FaceTable
    from onlyme.settings import Settings

    check_callback("on_picture", on_picture)
    pipeline = networks.make_pipeline(Settings.load())
    answers = look_at_all(images, lambda picture: embed_one(pipeline, picture), color)
    return FaceTable.collect(answers, on_picture)


def embed_one(pipeline: Pipeline, picture: Photo, *, complete: bool = False) -> Embedding:
    """Embed the one face of a picture; ImageError where there is none, or several.

    `complete` adds the second look's vector.
    """
    observation = pipeline.look(picture)
    if observation.embedding is None:
        cause = _CAUSE.get(observation.reason) if observation.reason else None
        raise ImageError(observation.frame.source, cause or "no face can be used")
    seen = observation.complete_embedding() if complete else None
    return seen or observation.embedding


def compare(image_a: Photo, image_b: Photo, *, color: str = "rgb") -> FaceComparison:
    """Compare the faces of two pictures.

    The distance is the plain Euclidean distance of the network's own vectors. Whether it is one
    person is decided by the article's rule, with each picture once as the only ME: both margins
    must reach alpha, so a random pair of strangers passes at most at the rate `far`. Five photos
    of a person and `FaceID.verify` miss fewer.

    Args:
        image_a: a picture or embedding, as for `embed`.
        image_b: another.
        color: the order of an array's colours, as for `embed`.

    Returns:
        The distance as a number, 0 (the same) to 2 (opposite), with verdict, margin, alpha and
        rate as attributes.

    Raises:
        ImageError: a picture cannot be used, or shows no face or several.
        UsageError: two different networks made the embeddings.

    >>> compare("ada1.jpg", "ada2.jpg").same                         # doctest: +SKIP
    True
    """
    from onlyme.faceid import networks
    from onlyme.faceid.comparison import compare_embeddings
    from onlyme.faceid.pictures import order_array
    from onlyme.settings import Settings

    a, b = (embed(order_array(image, color)) for image in (image_a, image_b))
    if a.model != b.model:
        raise UsageError("embeddings of two different networks cannot be compared")
    settings = Settings.load()
    return compare_embeddings(networks.load_base(settings), a, b, settings.far)


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
    from onlyme.verification.attempt import judge_capture
    from onlyme.verification.decisions import judge_photo

    settings, level = Settings.load(), LivenessLevel.PASSIVE
    pipeline = networks.make_pipeline(settings)
    judge = networks.choose_judge(settings, networks.choose_runtime(settings))
    if judge is None:
        return Liveness(level, Verdict.UNDECIDED, None)
    if isinstance(image_or_frames, (list, tuple)):
        return judge_capture(map(pipeline.look, image_or_frames), judge)
    observation = pipeline.look(image_or_frames)
    return judge_photo(observation, judge, level)[0] if observation.face else UNDECIDED


for _function in (check_liveness, compare, detect, embed, embed_all):
    _function.__module__ = "onlyme"  # where users find it
