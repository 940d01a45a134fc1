"""Write and read what a worker replies: JSON, of which the reader believes nothing.

A reply comes from another computer through a third one. It is data only: nothing in it is
unpickled, and every value is checked for its type, length and range before it is used.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from onlyme.errors import OnlymeError, UsageError
from onlyme.faceid.photo_tasks import ExaminedPhoto
from onlyme.types import Embedding, ExampleKind, Quality, QualityCheck

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_REPLY", "Networks", "ReplyRefused", "read_networks", "read_reply", "write_reply"]

MAX_REPLY: Final = 100_000
"""The longest reply that is read, in characters; one with two vectors has some 20,000."""

_MAX_WORDS: Final = 1_000
_MAX_CHECKS: Final = 40


class ReplyRefused(OnlymeError):  # noqa: N818 - a state, as in onlyme.errors
    """A worker or scheduler replied something that cannot be."""


class Networks(NamedTuple):
    """What examines the photos; it must be the same on each computer.

    Attributes:
        version: of onlyme.
        fingerprint: of all that determines an embedding; see `Pipeline.fingerprint`.
        second: sha256 of the second network; empty without one.
        reads_heic: whether photos as iPhones store them can be read.
        spills: whether the worker may write photos to its disk when its memory is full.
    """

    version: str
    fingerprint: str
    second: str
    reads_heic: bool
    spills: bool


def write_reply(networks: Networks, digest: str, photo: ExaminedPhoto | None) -> str:
    """Return a reply about one photo, or about a worker, as text.

    Args:
        networks: the worker's.
        digest: sha256 (hex) of the photo's bytes.
        photo: what it shows; None says only what the worker is.
    """
    found = None
    if photo is not None:
        one = photo.embedding
        found = {
            "vector": None if one is None else one.vector.tolist(),
            "second": None if one is None or one.second is None else one.second.tolist(),
            "checks": None if photo.quality is None else _list_checks(photo.quality),
            "note": photo.note,
            "unsure": photo.is_unsure,
        }
    return json.dumps({"networks": networks._asdict(), "digest": digest, "photo": found})


def _list_checks(quality: Quality) -> list[dict[str, Any]]:
    return [asdict(check) | {"value": float(check.value)} for check in quality.checks]


def read_networks(text: object) -> Networks:
    """Return what a worker says that it is.

    Raises:
        ReplyRefused: it is no such reply.
    """
    return _read_networks(_load(text))


def read_reply(
    text: object,
    networks: Networks,
    digest: str,
    source: str,
    models: tuple[tuple[str, int], tuple[str, int]],
) -> ExaminedPhoto:
    """Return what a photo shows.

    Args:
        text: the reply.
        networks: those that must have examined it.
        digest: sha256 (hex) of the photo that was sent.
        source: the photo, for messages.
        models: hash and dimension of the first and of the second network.

    Raises:
        ReplyRefused: the reply is not what such a worker can reply about this photo.
    """
    document = _load(text)
    if _read_networks(document) != networks:
        raise ReplyRefused("other networks or another version of onlyme examined a photo")
    if document["digest"] != digest:
        raise ReplyRefused("it is about another photo than the one that was sent")
    photo = document["photo"]
    if not isinstance(photo, dict) or set(photo) != {
        "vector",
        "second",
        "checks",
        "note",
        "unsure",
    }:
        raise ReplyRefused("it does not describe a photo")
    if not isinstance(photo["unsure"], bool):
        raise ReplyRefused("it does not describe a photo")
    (model, dimension), (second_model, second_dimension) = models
    vector = _read_vector(photo["vector"], dimension)
    second = _read_vector(photo["second"], second_dimension)
    if second is not None and (vector is None or not second_model):
        raise ReplyRefused("it holds a vector of a network that was not asked")
    try:
        embedding = None
        if vector is not None:
            embedding = Embedding(vector, model, second, second_model if second is not None else "")
    except UsageError as error:
        raise ReplyRefused(str(error)) from None
    quality = None if photo["checks"] is None else _read_quality(photo["checks"])
    note = _read_words(photo["note"])
    if embedding is None and not note:
        raise ReplyRefused("it does not say why a photo has no embedding")
    return ExaminedPhoto(
        *(source, embedding, quality, note, photo["unsure"]), kind=ExampleKind.PHOTO
    )


def _load(text: object) -> dict[str, Any]:
    if not isinstance(text, str) or len(text) > MAX_REPLY:
        raise ReplyRefused("it is no text, or too long")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise ReplyRefused("it is not JSON") from None
    if isinstance(document, dict) and set(document) == {"failed"}:
        raise ReplyRefused(f"a worker cannot examine photos: {_read_words(document['failed'])}")
    if not isinstance(document, dict) or set(document) != {"networks", "digest", "photo"}:
        raise ReplyRefused("it is no reply of onlyme")
    return document


def _read_networks(document: dict[str, Any]) -> Networks:
    named = document["networks"]
    kinds = {name: bool if name in {"reads_heic", "spills"} else str for name in Networks._fields}
    if not isinstance(named, dict) or {key: type(value) for key, value in named.items()} != kinds:
        raise ReplyRefused("it does not say which networks its worker has")
    version, fingerprint, second = (_read_words(named[key]) for key in Networks._fields[:3])
    return Networks(version, fingerprint, second, named["reads_heic"], named["spills"])


def _read_vector(given: object, dimension: int) -> NDArray[np.float32] | None:
    """Return one vector; `Embedding` checks that it is of unit length."""
    if given is None:
        return None
    if (
        not isinstance(given, list)
        or len(given) != dimension
        or not all(isinstance(one, float) and abs(one) < 2 for one in given)
    ):
        raise ReplyRefused(f"it holds an embedding that is not {dimension} numbers of −1 to 1")
    return np.array(given, np.float32)


def _read_quality(given: object) -> Quality:
    if not isinstance(given, list) or len(given) > _MAX_CHECKS:
        raise ReplyRefused("its measures of quality are no list")
    return Quality(tuple(map(_read_check, given)))


def _read_check(given: object) -> QualityCheck:
    kinds = {"name": str, "value": float, "unit": str, "ok": bool, "advice": str}
    if not isinstance(given, dict) or {key: type(value) for key, value in given.items()} != kinds:
        raise ReplyRefused("one of its measures of quality is none")
    if not isfinite(given["value"]):
        raise ReplyRefused("one of its measures of quality is not a number")
    words = {key: _read_words(given[key]) for key in ("name", "unit", "advice")}
    return QualityCheck(**words, value=given["value"], ok=given["ok"])


def _read_words(given: object) -> str:
    """Return text that is safe to print on a terminal."""
    if not isinstance(given, str) or len(given) > _MAX_WORDS or not given.isprintable():
        raise ReplyRefused("it holds text that cannot be printed")
    return given
