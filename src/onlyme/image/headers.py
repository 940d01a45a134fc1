"""Check a picture's header before a decoder uses it.

Decoders trust headers: they allocate the claimed size, read every block and
repeat every requested pass. These checks take microseconds and run first. They
do not decide whether a file is correct, only whether decoding it could take too
much time or memory.
"""

from __future__ import annotations

import io
import struct
from typing import Final

from onlyme.errors import ImageError

__all__ = ["CountedBytes", "check_file", "check_opened", "check_size", "describe_limit"]

_MAX_PIXELS_PER_BYTE: Final = 2000
"""A header that claims more pixels than this for each byte of the file is wrong. Deflate packs
at most 1032 bytes into one, a plain JPEG 170 pixels, a GIF of one colour 1300."""

_MAX_SCAN_PIXELS: Final = 1_000_000_000
"""Pixels times passes that a progressive JPEG may request. A file of 50 megapixels has about
ten passes; one that was made to keep the decoder busy has thousands."""

_MAX_SCANS: Final = 20
"""Passes over the largest picture that the caller allows."""

_MAX_READS: Final = 200_000
"""How many times a decoder may read from a file. A PNG of 64 MB in pieces of 4 kB needs about
70,000 reads; sixty megabytes of empty blocks, which Pillow reads in Python, need millions."""

_MAX_JP2_HEADER_BYTES: Final = 4 * 2**20  # bytes; a large colour profile is half a megabyte


class CountedBytes(io.BytesIO):
    """A file in memory with a limit on the number of reads."""

    def __init__(self, data: bytes, source: str) -> None:
        super().__init__(data)
        self.source = source
        self._remaining_reads = _MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes.

        Raises:
            ImageError: it was called too many times.
        """
        self._remaining_reads -= 1
        if self._remaining_reads < 0:
            raise ImageError(self.source, "consists of too many blocks")
        return super().read(size)


def check_size(width: int, height: int, source: str, max_pixels: int) -> None:
    """Refuse a picture without pixels or with too many pixels.

    Raises:
        ImageError: the picture is refused. The other checks here raise the same.
    """
    if width < 1 or height < 1:
        raise ImageError(source, f"is {width}×{height} pixels, so it is empty")
    if width * height > max_pixels:
        size = f"is {width}×{height} pixels"
        raise ImageError(source, f"{size}; {describe_limit(width * height, max_pixels)}")


def describe_limit(pixels: int, max_pixels: int) -> str:
    """Say that a picture is too large, in the unit of the setting, and how to allow it.

    >>> describe_limit(12000 * 9000, 51_000_000)
    'that is 108 megapixels; the limit is 51 (setting max_megapixels); make it smaller'
    """
    large, limit = pixels / 1e6, max_pixels / 1e6
    digits = next((n for n in range(6) if round(large, n) > round(limit, n)), 6)
    size = f"that is {large:.{digits}f} megapixels"
    return f"{size}; the limit is {limit:.{digits}f} (setting max_megapixels); make it smaller"


def check_file(data: bytes, source: str, max_pixels: int) -> None:
    """Check the parts of a file that already cost time or memory when it is opened."""
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
        # In the coded data 00 follows every FF, so this counts only real passes.
        scans = data.count(b"\xff\xda")
        if scans * width * height > max(_MAX_SCAN_PIXELS, _MAX_SCANS * max_pixels):
            raise ImageError(source, f"needs {scans} passes over {width}×{height} pixels, too many")


def _check_ratio(pixels: int, size: int, source: str) -> None:
    if pixels > max(1_000_000, size * _MAX_PIXELS_PER_BYTE):
        raise ImageError(source, f"claims {pixels:,} pixels, more than its {size:,} bytes can hold")


def _walk_png(data: bytes, source: str) -> None:
    """Refuse a file whose pixel data is incomplete, without unpacking the part that is there."""
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
    """Refuse a header larger than any picture needs: Pillow copies it and walks over the copy."""
    at = 0
    for _ in range(_MAX_READS):
        length, kind = struct.unpack_from(">I4s", data, at) if at + 8 <= len(data) else (0, b"")
        if kind == b"jp2h" and not 8 <= length <= _MAX_JP2_HEADER_BYTES:
            raise ImageError(source, f"has a header of {length:,} bytes, which no picture needs")
        if (
            length < 8
        ):  # the last box, or one with a 64-bit length: only the pixels may be that long
            if kind not in (b"", b"jp2c"):
                raise ImageError(source, "is broken or cut off (a box of no length)")
            return
        at += length
