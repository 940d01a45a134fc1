"""What a file says of itself, checked before a decoder believes it.

Decoders trust headers: they allocate the size that is claimed, walk over as
many blocks as there are, and repeat as many passes as are asked for. These
checks cost microseconds and come first. They do not judge whether a file is
right, only whether it may take long or much to find out.
"""

from __future__ import annotations

import io
import struct
from typing import Final

from onlyme.errors import ImageError

__all__ = ["CountedBytes", "check_file", "check_opened", "check_size"]

_MAX_PIXELS_PER_BYTE: Final = 2000
"""More pixels than this for each byte of the file is a lie about the size. Deflate packs
at most 1032 bytes into one, a plain JPEG 170 pixels, a GIF of one colour 1300."""

_MAX_SCAN_PIXELS: Final = 1_000_000_000
"""Pixels times passes that a progressive JPEG may ask for. A file of 50 megapixels has
some ten passes; one crafted to keep the decoder busy has thousands."""

_MAX_READS: Final = 200_000
"""How often a decoder may read from a file. A PNG of 64 MB in pieces of 4 kB needs some
70,000 reads; sixty megabytes of empty blocks, over which Pillow walks in Python, millions."""


_MAX_JP2_HEADER_BYTES: Final = 4 * 2**20  # bytes; a large colour profile is half a megabyte


class CountedBytes(io.BytesIO):
    """A file in memory that refuses to be read in endless small pieces."""

    def __init__(self, data: bytes, source: str) -> None:
        super().__init__(data)
        self._source = source
        self._left = _MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes.

        Raises:
            ImageError: when it has been called too often.
        """
        self._left -= 1
        if self._left < 0:
            raise ImageError(self._source, "is made of too many blocks")
        return super().read(size)


def check_size(width: int, height: int, source: str, max_pixels: int) -> None:
    """Refuse a picture without pixels or with too many.

    Raises:
        ImageError: when it is refused; as with all checks here.
    """
    if width < 1 or height < 1:
        raise ImageError(source, f"is {width}×{height} pixels: there is nothing in it")
    if width * height > max_pixels:
        raise ImageError(
            source, f"is {width}×{height} pixels, more than the {max_pixels} that are decoded"
        )


def check_file(data: bytes, source: str, max_pixels: int) -> None:
    """Check what already costs when a file is merely opened."""
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and len(data) >= 30:
        # Opening an extended WebP allocates its canvas.
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
        check_size(width, height, source, max_pixels)
        _check_ratio(width * height, len(data), source)
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        _walk_png(data, source)
    elif data[4:8] == b"jP  ":
        _walk_jp2(data, source)


def check_opened(
    width: int, height: int, data: bytes, source: str, max_pixels: int, *, progressive: bool
) -> None:
    """Check a header that has been read, before a pixel is decoded."""
    check_size(width, height, source, max_pixels)
    _check_ratio(width * height, len(data), source)
    if progressive:
        # In the coded data every FF is followed by 00, so this counts real passes.
        scans = data.count(b"\xff\xda")
        if scans * width * height > _MAX_SCAN_PIXELS:
            raise ImageError(source, f"asks for {scans} passes over {width}×{height} pixels")


def _check_ratio(pixels: int, size: int, source: str) -> None:
    if pixels > max(1_000_000, size * _MAX_PIXELS_PER_BYTE):
        raise ImageError(source, f"claims {pixels} pixels, more than its {size} bytes can hold")


def _walk_png(data: bytes, source: str) -> None:
    """Where the pixels are cut off, say so without unpacking all that come before."""
    at = 8
    for _ in range(_MAX_READS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT" and at + 8 + length > len(data):
            raise ImageError(source, "is broken or cut off (its pixels are not all there)")
        if kind == b"IEND":
            return
        at += 12 + length


def _walk_jp2(data: bytes, source: str) -> None:
    """Refuse a header box that no picture needs: Pillow copies it and walks over the copy."""
    at = 0
    for _ in range(_MAX_READS):
        length, kind = struct.unpack_from(">I4s", data, at) if at + 8 <= len(data) else (0, b"")
        if kind == b"jp2h" and not 8 <= length <= _MAX_JP2_HEADER_BYTES:
            raise ImageError(source, f"has a header of {length} bytes")
        if length < 8:  # the last box, or one of 64-bit length: only the picture may be that long
            if kind not in (b"", b"jp2c"):
                raise ImageError(source, "is broken or cut off (a box of no length)")
            return
        at += length
