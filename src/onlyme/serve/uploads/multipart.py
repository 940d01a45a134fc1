"""Parse a multipart/form-data body chunk by chunk, in memory.

Starlette's own parser writes larger files to the disk, where no face belongs.
"""

from __future__ import annotations

from typing import Self

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from onlyme.serve.problems import ProblemError

__all__ = ["MAX_PARTS", "MultipartForm"]

MAX_PARTS = 200
"""Files that one form may have."""

_MAX_BOUNDARY_BYTES = 70  # RFC 2046, section 5.1.1
_MAX_PART_HEADER_BYTES = 4096


class UploadedFile(bytes):
    """The content of a file, with the name that the client gave it.

    Attributes:
        name: for messages only; it may be empty, and the client may have sent any text.
    """

    name: str = ""

    @classmethod
    def of(cls, content: bytearray, name: str) -> Self:
        """Make one of a form's part."""
        made = cls(content)
        made.name = name
        return made


class MultipartForm:
    """The files of one body.

    Args:
        content_type: of the request; it names the boundary.
        fields: the names of fields that are allowed.

    Raises:
        ProblemError: the content type names no boundary (400).
    """

    def __init__(self, content_type: str, fields: tuple[str, ...]) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary or len(boundary) > _MAX_BOUNDARY_BYTES:
            raise _make_problem("its Content-Type names no boundary")
        self._fields = fields
        self._parts = 0
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._field = self._name = ""
        self._content = bytearray()
        self._ended = False
        self._files: dict[str, list[bytes]] = {}
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": lambda data, start, end: self._extend_header(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._extend_header(1, data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._check_field,
                "on_part_data": lambda data, start, end: self._content.extend(data[start:end]),
                "on_part_end": self._end_part,
                "on_end": self._end_body,
            },
        )

    def add(self, chunk: bytes) -> None:
        """Parse the next piece of the body.

        Raises:
            ProblemError: the body is not such a form (400).
        """
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _make_problem("it does not follow the format") from None

    def end(self) -> dict[str, list[bytes]]:
        """Return the files by field, after the last piece of the body.

        Raises:
            ProblemError: the body is cut off (400).
        """
        if not self._ended:
            raise _make_problem("it is cut off")
        return self._files

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise _make_problem(f"it has more than {MAX_PARTS} parts")
        self._field, self._name, self._content = "", "", bytearray()

    def _extend_header(self, index: int, piece: bytes) -> None:
        self._header[index].extend(piece)
        if len(self._header[index]) > _MAX_PART_HEADER_BYTES:
            raise _make_problem("the header of a part is too long")

    def _end_header(self) -> None:
        name, value = map(bytes, self._header)
        self._header = (bytearray(), bytearray())
        if name.lower() == b"content-disposition":
            options = parse_options_header(value)[1]
            self._field = options.get(b"name", b"").decode("utf-8", "replace")
            self._name = options.get(b"filename", b"").decode("utf-8", "replace")

    def _check_field(self) -> None:
        if self._field not in self._fields:
            raise _make_problem(f"only these fields are allowed: {', '.join(self._fields)}")

    def _end_part(self) -> None:
        self._files.setdefault(self._field, []).append(UploadedFile.of(self._content, self._name))
        self._content = bytearray()

    def _end_body(self) -> None:
        self._ended = True


def _make_problem(why: str) -> ProblemError:
    return ProblemError(400, "bad-multipart", f"the body is not a form of pictures: {why}")
