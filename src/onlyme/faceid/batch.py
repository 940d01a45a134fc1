"""Decide about many pictures, one row each, as a table for pandas, CSV or JSON lines."""

from __future__ import annotations

import csv
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from onlyme.enrollment.expand import expand_photos, holds_many
from onlyme.errors import ImageError, OnlymeError, UsageError, check_callback
from onlyme.faceid.pictures import check_color, order_array
from onlyme.faceid.serialize import defuse_formulas, dump_json, serialize_decision
from onlyme.image.files import format_path
from onlyme.types import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from typing import TextIO

    from onlyme.enrollment.photos import Photo
    from onlyme.types import Decision

Result = TypeVar("Result")

__all__ = ["Batch", "BatchRow", "look_at_all"]

WORKERS = 3
"""Pictures that are looked at side by side: while one is read, others are in the networks, which
use all cores by themselves."""


@dataclass(frozen=True, slots=True)
class BatchRow:
    """The answer on one picture of a batch.

    Attributes:
        picture: its path, or its number in the batch, beginning with 1, where it has no path.
        decision: what was decided; None when the picture cannot be used.
        error: why it cannot be used; None otherwise.

    Example:
        >>> with open_face_id(folder) as face_id:
        ...     enrollment = face_id.enroll("ada", draw_face("ada"))
        ...     (row,) = face_id.verify_all("ada", [draw_face("bob")])
        >>> row.picture, row.decision.accepted, row.to_dict()["reason"].value
        ('1', False, 'no_match')
    """

    picture: str
    decision: Decision | None
    error: OnlymeError | None = None

    def __bool__(self) -> bool:
        """Whether the picture was accepted."""
        return self.decision is not None and self.decision.accepted

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain values, with the names of the columns in `Batch.COLUMNS`."""
        values = dict.fromkeys(Batch.COLUMNS) | {"picture": self.picture, "accepted": bool(self)}
        if self.error is not None:
            return values | {"error": str(self.error)}
        assert self.decision is not None  # noqa: S101 - for the type checker
        document = serialize_decision(self.decision)
        liveness = document["liveness"]["verdict"]
        known = {key: document[key] for key in ("name", "margin", "alpha", "far")}
        return values | known | {"reason": document["reason"], "liveness": liveness}


class Batch:
    """The rows of a batch, in the order of the pictures. It can be gone through once.

    Pictures are read as their rows are asked for, a few ahead, so that memory does not grow with
    their number. A picture that cannot be used becomes a row with an error and ends nothing.

    >>> rows = face_id.verify_all("ada", "holiday/")                 # doctest: +SKIP
    >>> [row.picture for row in rows if row]                         # doctest: +SKIP
    ['holiday/3.jpg']

    Args:
        images: pictures and folders.
        decide: decides about one picture.
        color: the order of colours in arrays; see `FaceID.verify`.
        on_row: called with each row as soon as it is there.

    Raises:
        UsageError: there is no such order of colours.
    """

    COLUMNS: Final = (
        *("picture", "accepted", "reason", "name", "margin", "alpha", "far", "liveness"),
        "error",
    )

    def __init__(
        self,
        images: Photo | Iterable[Photo],
        decide: Callable[[Photo], Decision],
        color: str = "rgb",
        on_row: Callable[[BatchRow], None] | None = None,
    ) -> None:
        check_color(color)
        check_callback("on_row", on_row)
        self._images, self._decide, self._color = images, decide, color
        self._on_row = on_row or (lambda _: None)
        self._begun = False

    def __iter__(self) -> Iterator[BatchRow]:
        """Yield the rows.

        Raises:
            UsageError: this was done before.
        """
        if self._begun:
            raise UsageError("a batch can be gone through once; list(batch) keeps its rows")
        self._begun = True
        return self._look()

    def to_dataframe(self) -> Any:
        """Return the rows as a `pandas.DataFrame`.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError:
            raise UsageError("to_dataframe needs pandas: pip install pandas") from None
        return pd.DataFrame([row.to_dict() for row in self], columns=list(self.COLUMNS))

    def write_csv(self, file: TextIO) -> int:
        """Write the rows as CSV with a header, each as soon as it is there; return their number."""
        writer = csv.DictWriter(file, self.COLUMNS)
        writer.writeheader()
        return self._write(lambda row: writer.writerow(defuse_formulas(row.to_dict())), file)

    def write_jsonl(self, file: TextIO) -> int:
        """Write each row as a line of JSON as soon as it is there; return their number."""
        return self._write(lambda row: file.write(dump_json(row.to_dict(), None) + "\n"), file)

    def _write(self, write: Callable[[BatchRow], object], file: TextIO) -> int:
        count = 0
        for count, row in enumerate(self, start=1):  # noqa: B007 - it is returned
            write(row)
            file.flush()
        return count

    def _look(self) -> Iterator[BatchRow]:
        for label, answer in look_at_all(self._images, self._decide, self._color):
            if isinstance(answer, OnlymeError):
                row = BatchRow(label, None, answer)
            else:
                row = BatchRow(label, answer)
            self._on_row(row)
            yield row


def look_at_all(
    images: Photo | Iterable[Photo], look: Callable[[Photo], Result], color: str = "rgb"
) -> Iterator[tuple[str, Result | ImageError | UsageError]]:
    """Look at many pictures, a few side by side; yield the answers in the order of the pictures.

    Args:
        images: pictures, folders of pictures, or a generator of them.
        look: looks at one picture.
        color: the order of colours in arrays.

    Yields:
        The picture's path, or its number where it has no path, and what `look` returned, or the
        error of a picture that cannot be used.
    """
    pictures = enumerate(_expand(images), start=1)
    waiting: deque[tuple[str, Future[Result | ImageError | UsageError]]] = deque()

    def answer(picture: Any) -> Result | ImageError | UsageError:
        if isinstance(picture, ImageError):
            return picture
        try:
            return look(order_array(picture, color))
        except (ImageError, UsageError) as error:  # also an embedding of another network
            return error

    with ThreadPoolExecutor(WORKERS, "onlyme-batch") as pool:

        def submit(count: int) -> None:
            for number, picture in islice(pictures, count):
                label = _name_picture(picture) or str(number)
                waiting.append((label, pool.submit(answer, picture)))

        try:
            submit(WORKERS + 1)
            while waiting:
                label, future = waiting.popleft()
                result = future.result()
                submit(1)
                yield label, result
        finally:
            for _, future in waiting:
                future.cancel()


def _expand(images: Any) -> Iterator[Any]:
    """Yield the pictures; an argument that cannot be read as a folder becomes an error's row."""
    for image in images if holds_many(images) else [images]:
        try:
            yield from expand_photos(image)
        except ImageError as error:
            yield error


def _name_picture(picture: Any) -> str:
    if isinstance(picture, (ImageError, Frame)):
        return picture.source
    return format_path(picture) if isinstance(picture, (str, Path)) else ""


for _class in (Batch, BatchRow):
    _class.__module__ = "onlyme"  # where users find it
