"""A multipart/form-data body, chunk by chunk; its files as bytes, by field. All in memory.

Starlette's own parser writes larger files to the disk, where nobody's face belongs.
"""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from onlyme.serve.problems import Refused

__all__ = ["MOST_PARTS", "Files"]

MOST_PARTS = 200
_MOST_HEADER = 4096


class Files:
    """The files of one body.

    Args:
        content_type: the request's, which names the boundary.
        fields: the fields that there may be.

    Raises:
        Refused: there is no boundary (400).
    """

    def __init__(self, content_type: str, fields: tuple[str, ...]) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary or len(boundary) > 70:  # RFC 2046
            raise _bad("it names no boundary")
        self._fields = fields
        self._parts = 0
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._field = ""
        self._content = bytearray()
        self._ended = False
        self.found: dict[str, list[bytes]] = {}
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._head(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._head(1, data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": lambda data, start, end: self._content.extend(data[start:end]),
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    def add(self, chunk: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            Refused: it is no such body (400).
        """
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _bad("it is broken") from None

    def end(self) -> dict[str, list[bytes]]:
        """Return the files by field, once the body has ended.

        Raises:
            Refused: it was cut off (400).
        """
        if not self._ended:
            raise _bad("it is cut off")
        return self.found

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise _bad(f"it has more than {MOST_PARTS} parts")
        self._field, self._content = "", bytearray()

    def _head(self, which: int, piece: bytes) -> None:
        self._header[which].extend(piece)
        if len(self._header[which]) > _MOST_HEADER:
            raise _bad("a part has too long a header")

    def _header_end(self) -> None:
        name, value = map(bytes, self._header)
        self._header = (bytearray(), bytearray())
        if name.lower() == b"content-disposition":
            options = parse_options_header(value)[1]
            self._field = options.get(b"name", b"").decode("utf-8", "replace")

    def _headers_finished(self) -> None:
        if self._field not in self._fields:
            raise _bad(f"expected files in the fields {', '.join(self._fields)} only")

    def _part_end(self) -> None:
        self.found.setdefault(self._field, []).append(bytes(self._content))
        self._content = bytearray()

    def _end(self) -> None:
        self._ended = True


def _bad(why: str) -> Refused:
    return Refused(400, "bad-multipart", f"the body is no multipart form of pictures: {why}")
