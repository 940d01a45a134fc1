"""Train a network in a process of its own, then score faces with it until the pipe closes.

Photos, vectors and the network stay in this process's memory: nothing is written unless the user
keeps the run under a name. The parent ends the process to cancel a training or to erase a network.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onlyme.errors import OnlymeError, UsageError
from onlyme.lab.constants import PUBLISHED_SIDE_PIXELS, WAYS
from onlyme.lab.photos import Photos, count_shared, read_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from numpy.typing import NDArray

    from onlyme.lab.run import TrainedNetwork

    Face = tuple[str, NDArray[np.uint8] | str]

__all__ = ["ARTICLE_SIDE_PIXELS", "WAYS", "find_missing_packages", "run_child"]

ARTICLE_SIDE_PIXELS: Final = 56
"""Side of the faces for `article`, as in `lab compare`: at 244 pixels it trains for hours."""

MAX_MEMORY_BYTES: Final = 4 * 2**30
"""Memory that the process may take; a training that needs more says how many photos fit."""

_NICENESS: Final = 10
"""The service answers first: its answers are awaited at a camera."""

_MAP_SECONDS: Final = 0.5
"""Time between two maps of the vectors."""

_MAX_POINTS: Final = 300
"""Points of the curve that are sent; the page draws no more."""


def find_missing_packages() -> str:
    """Say what to install before anything can be trained; an empty text if all is there."""
    from onlyme.lab import require_packages

    try:
        require_packages()
    except UsageError as error:
        return str(error)
    return ""


def run_child(pipe: Connection, task: dict[str, Any]) -> None:
    """Train or load a network, and answer questions about it.

    Args:
        pipe: to the parent. Messages are `(kind, value)`: `progress`, then `trained` or `failed`,
            then one `answer` or `refused` for each question `(kind, value)`.
        task: `{"way", "alpha", "me", "not_me"}` to train, the photos as pairs of a name and
            uint8[112, 112, 3] RGB, or a sentence that says why the photo cannot be used;
            `{"folder"}` to load a run that was kept.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    _limit_process()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            trained = _load(task["folder"]) if "folder" in task else _train(pipe, task)
        except OnlymeError as error:
            pipe.send(("failed", str(error)))
            return
        pipe.send(("trained", _describe(trained)))
        while True:
            kind, value = pipe.recv()
            try:
                pipe.send(("answer", _answer(trained, kind, value)))
            except (OnlymeError, OSError) as error:
                pipe.send(("refused", str(error)))


def _limit_process() -> None:
    with suppress(AttributeError, OSError):  # not on every system
        os.nice(_NICENESS)
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))


def _train(pipe: Connection, task: dict[str, Any]) -> TrainedNetwork:
    from onlyme.lab.spec import Spec
    from onlyme.lab.trainer import check_trained, fit_way

    side = ARTICLE_SIDE_PIXELS if task["way"] == "article" else PUBLISHED_SIDE_PIXELS
    spec = Spec(task["way"], alpha=task["alpha"], side=side)
    photos = _read_photos(task["me"], task["not_me"])
    mapped_at, places = 0.0, None

    def report(training: Any, curve: list[tuple[int, float, float]]) -> None:
        nonlocal mapped_at, places
        if monotonic() - mapped_at < _MAP_SECONDS:
            return
        mapped_at = monotonic()
        training.network.eval()
        places = _map_photos(training.network, training.me, training.not_me, places)
        training.network.train()
        pipe.send(("progress", {"curve": _thin(curve), "map": _split(places, len(photos.me))}))

    counts = {"me": len(photos.me), "not_me": len(photos.not_me), "triplets": photos.triplets}
    begun = {"photos": counts, "skipped": photos.skipped, "most": spec.max_steps}
    pipe.send(("progress", begun))
    return check_trained(fit_way(photos, spec, on_check=report))


def _read_photos(me: list[Face], not_me: list[Face]) -> Photos:
    """Return the photos that can be used; a photo that stands twice counts once.

    Raises:
        UsageError: too few can be used, or a photo is in both.
    """
    (mine, bad_mine), (others, bad_others) = _read_side(me), _read_side(not_me)
    if both := count_shared(mine, others):
        raise UsageError(
            f"{both} of the photos of others {'is' if both == 1 else 'are'} also among "
            "the photos of you; no photo can be both, so take them out of one side"
        )
    return Photos(mine, others, (*bad_mine, *bad_others))


def _read_side(faces: list[Face]) -> tuple[NDArray[np.uint8], list[str]]:
    following = iter([content for _, content in faces])

    def load(path: Path) -> NDArray[np.uint8]:  # noqa: ARG001 - see below
        face = next(following)  # names may stand twice, so the order tells which one it is
        if isinstance(face, str):
            raise UsageError(face)
        return face

    return read_folder([Path(name) for name, _ in faces], load)


def _load(folder: Path) -> TrainedNetwork:
    from onlyme.lab.run import Run

    return Run(folder).load()


def _answer(trained: TrainedNetwork, kind: str, value: Any) -> Any:
    """Answer one question: `score` uint8[112, 112, 3], or `keep` in a folder that does not exist.

    Raises:
        UsageError: the folder exists.
        OSError: it cannot be written.
    """
    if kind == "score":
        return float(trained.scores(value[None])[0])
    from onlyme.lab.run import Run

    if value.exists():
        raise UsageError(f"a run is kept under the name {value.name} already; choose another name")
    run = Run(value)
    run.begin(trained.spec, trained.photos)
    run.finish(trained)
    return str(value)


def _describe(trained: TrainedNetwork) -> dict[str, Any]:
    """Return how the training ended, what it learned, and by which rule and alpha it decides."""
    from onlyme.lab.networks import to_tensor
    from onlyme.lab.rules import describe_rule

    photos, result = trained.photos, trained.result
    bound = trained.production_threshold
    accepted = {
        side: int((trained.scores(faces) >= bound).sum())
        for side, faces in (("me", photos.me), ("not_me", photos.not_me))
    }
    places = _map_photos(trained.network, to_tensor(photos.me), to_tensor(photos.not_me), None)
    return {
        "way": trained.spec.way,
        "alpha": trained.spec.alpha,
        "threshold": bound,
        "rule": describe_rule(trained.rule),
        "photos": {
            "me": len(photos.me),
            "not_me": len(photos.not_me),
            "triplets": photos.triplets,
        },
        "accepted": accepted,
        "most": trained.spec.max_steps,
        "curve": _thin(result.curve),
        "map": _split(places, len(photos.me)),
        "reason": result.reason,
        "steps": result.steps,
        "seconds": result.seconds,
        "bytes": result.peak_bytes,
    }


def _map_photos(
    network: Any, me: Any, not_me: Any, before: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Return the plane in which the vectors of the photos vary most: float64[m + n, 2].

    Ways without vectors show the features that they judge by. An axis is turned round where that
    is nearer to the map before, so that the points of a live map do not jump.
    """
    embed = getattr(network, "embedder", None) or network.trunk
    vectors = [
        embed(image[None]).detach().double().numpy()[0] for part in (me, not_me) for image in part
    ]
    centred = np.stack(vectors) - np.mean(vectors, axis=0)
    if not np.isfinite(centred).all():
        return np.zeros((len(centred), 2))
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(centred), 2))
    places[:, : min(2, len(size))] = left[:, :2] * size[:2]
    if before is not None:
        places *= np.where((places * before).sum(0) < 0, -1.0, 1.0)
    return np.asarray(places, np.float64)


def _split(places: NDArray[np.float64], mine: int) -> dict[str, list[list[float]]]:
    rounded = [[float(f"{value:.4g}") for value in place] for place in places]
    return {"me": rounded[:mine], "not_me": rounded[mine:]}


def _thin(curve: Sequence[tuple[int, float, float]]) -> list[tuple[int, float, float]]:
    """Return at most `_MAX_POINTS` points of a curve, the newest among them."""
    finite = [point for point in curve if np.isfinite(point).all()]
    step = -(-len(finite) // _MAX_POINTS)
    return finite[::-step][::-1] if finite else []
