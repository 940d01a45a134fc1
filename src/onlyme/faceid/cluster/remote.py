"""Examine photos in a worker of Dask, on any computer: what the courier asks workers to call.

A function here returns text and raises nothing: an exception would travel as a pickle.
"""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any

from onlyme import __version__
from onlyme.errors import OnlymeError
from onlyme.faceid.cluster.replies import Networks, write_reply
from onlyme.faceid.photo_tasks import examine_photo, look_at_photo

if TYPE_CHECKING:
    from onlyme.settings import Settings

__all__ = ["describe", "describe_networks", "examine", "list_options"]

_one_at_a_time = Lock()
"""A process has each network once; Dask may give it several threads."""


def list_options(settings: Settings) -> dict[str, Any]:
    """Return the settings that a worker must share; it takes all others from its own computer."""
    names = ("embedder", "embedders", "runtime", "max_megapixels", "max_megabytes")
    return {name: getattr(settings, name) for name in names}


def describe_networks(pipeline: Any, *, spills: bool) -> Networks:
    """Return what examines photos in this process."""
    second = "" if pipeline.second is None else pipeline.second().model
    has_heic = find_spec("pillow_heif") is not None
    return Networks(__version__, pipeline.fingerprint(), second, has_heic, spills)


def describe(options: str) -> str:
    """Say which networks this worker has; see `replies.write_reply`."""
    try:
        with _one_at_a_time:
            return write_reply(_load(options)[1], "", None)
    except Exception as error:  # noqa: BLE001 - the caller is told of any fault of this computer
        return _say(error)


def examine(content: bytes, options: str, *, enroll: bool) -> str:
    """Examine one photo; see `replies.write_reply`.

    Args:
        content: the bytes of its file.
        options: see `list_options`, as JSON.
        enroll: see `onlyme.faceid.photo_tasks.PhotoTask`.
    """
    try:
        with _one_at_a_time:
            pipeline, networks = _load(options)
            if enroll:
                photo = examine_photo(pipeline, content, judge_quality=True)
            else:
                photo = look_at_photo(pipeline, content)
        return write_reply(networks, sha256(content).hexdigest(), photo)
    except Exception as error:  # noqa: BLE001 - as above
        return _say(error)


def _say(error: Exception) -> str:
    """Name a failure. Only our own messages are passed on: others might quote the picture."""
    return json.dumps(
        {"failed": str(error) if isinstance(error, OnlymeError) else type(error).__name__}
    )


@cache
def _load(options: str) -> tuple[Any, Networks]:
    """Load the networks, once in a process. Each process uses one core, as in `start_examiner`."""
    import cv2
    import dask.config

    from onlyme.faceid import networks
    from onlyme.settings import Settings

    cv2.setNumThreads(1)
    settings = Settings.load(**json.loads(options))
    memory = [dask.config.get(f"distributed.worker.memory.{one}") for one in ("target", "spill")]
    pipeline = networks.make_pipeline(settings)
    return pipeline, describe_networks(pipeline, spills=any(one is not False for one in memory))
