"""Define what is known of one stored example of a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from onlyme.types.decisions import Quality

__all__ = ["Example", "ExampleKind"]


class ExampleKind(StrEnum):
    """What an example was taken from.

    Example:
        >>> [str(kind) for kind in onlyme.ExampleKind]
        ['photo', 'camera', 'video', 'embedding', 'unknown']
    """

    PHOTO = "photo"
    CAMERA = "camera"
    VIDEO = "video"
    EMBEDDING = "embedding"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Example:
    """What is known of one picture that a person was learned from; never its pixels or embedding.

    Attributes:
        number: its number, from 1; it stays the same when other examples are removed, and is not
            given again.
        added: when it was enrolled, in UTC; None where it was not noted.
        kind: what it was taken from; `unknown` where it was not noted.
        quality: what was measured of it; None for an embedding, and where it was not noted.
        look: the look of the person that it shows, such as `glasses`; empty without one.
        has_eyes: whether the person's open eyes were measured in it.

    Example:
        >>> with open_face_id(folder) as face_id:
        ...     enrollment = face_id.enroll("ada", draw_face("ada"), look="glasses")
        ...     (example,) = face_id.examples("ada")
        >>> example.number, str(example.kind), example.look
        (1, 'photo', 'glasses')
    """

    number: int
    added: datetime | None = None
    kind: ExampleKind = ExampleKind.UNKNOWN
    quality: Quality | None = None
    look: str = ""
    has_eyes: bool = False
