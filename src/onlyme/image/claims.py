"""What a file says of itself, checked before a decoder believes it.

Decoders trust headers: they allocate the size that is claimed, walk over as
many blocks as there are, and repeat as many passes as are asked for. These
checks cost microseconds and come first. They do not judge whether a file is
right, only whether it may take long or much to find out.
"""

from __future__ import annotations

import struct
from typing import Final

from onlyme.errors import ImageError

__all__ = ["check_file", "check_opened", "check_size"]

_PIXELS_PER_BYTE: Final = 2000
"""More pixels than this for each byte of the file is a lie about the size. Deflate packs
at most 1032 bytes into one, a plain JPEG 170 pixels, a GIF of one colour 1300."""

_SCAN_PIXELS: Final = 1_000_000_000
"""Pixels times passes that a progressive JPEG may ask for. A file of 50 megapixels has
some ten passes; one crafted to keep the decoder busy has thousands."""

_BLOCKS: Final = 20_000
"""Blocks before the picture, over which Pillow walks in Python. Photos have tens; the
largest PNG in pieces of 8 kB has 8,000."""


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
    elif data[:2] == b"\xff\xd8":
        _walk_jpeg(data, source)
    elif data[:4] == b"GIF8":
        _walk_gif(data, source)


def check_opened(
    width: int, height: int, data: bytes, source: str, max_pixels: int, *, progressive: bool
) -> None:
    """Check a header that has been read, before a pixel is decoded."""
    check_size(width, height, source, max_pixels)
    _check_ratio(width * height, len(data), source)
    if progressive:
        # In the coded data every FF is followed by 00, so this counts real passes.
        scans = data.count(b"\xff\xda")
        if scans * width * height > _SCAN_PIXELS:
            raise ImageError(source, f"asks for {scans} passes over {width}×{height} pixels")


def _check_ratio(pixels: int, size: int, source: str) -> None:
    if pixels > max(1_000_000, size * _PIXELS_PER_BYTE):
        raise ImageError(source, f"claims {pixels} pixels, more than its {size} bytes can hold")


def _too_many(source: str) -> ImageError:
    return ImageError(source, f"is made of more than {_BLOCKS} blocks")


def _walk_png(data: bytes, source: str) -> None:
    """Walk over the chunks; where the pixels are cut off, say so without unpacking them."""
    at = 8
    for _ in range(_BLOCKS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT" and at + 8 + length > len(data):
            raise ImageError(source, "is broken or cut off (its pixels are not all there)")
        if kind == b"IEND":
            return
        at += 12 + length
    raise _too_many(source)


def _walk_jpeg(data: bytes, source: str) -> None:
    """Walk over the segments up to the first pass."""
    at = 2
    for _ in range(_BLOCKS):
        if at + 4 > len(data):
            return
        if data[at] != 0xFF:  # Pillow looks byte by byte for the next marker
            following = data.find(b"\xff", at)
            if following < 0 or following - at > _BLOCKS:
                raise ImageError(source, "is broken or cut off (no JPEG marker where one must be)")
            at = following
            continue
        marker = data[at + 1]
        if marker == 0xDA:
            return
        alone = marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8
        at += 2 - (marker == 0xFF) if alone else 2 + max(2, int.from_bytes(data[at + 2 : at + 4]))
    raise _too_many(source)


def _walk_gif(data: bytes, source: str) -> None:
    """Walk over the extensions up to the first picture."""
    if len(data) < 13:
        return
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    blocks = 0
    while at < len(data) and data[at] == 0x21:
        at += 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
            blocks += 1
            if blocks > _BLOCKS:
                raise _too_many(source)
        at += 1
        blocks += 1
        if blocks > _BLOCKS:
            raise _too_many(source)
