"""Name the picture formats that cannot be read here, so that a message can say what to do."""

from __future__ import annotations

from typing import Final

from onlyme.errors import explain_extra

__all__ = ["RAW_SUFFIXES", "UNREAD_SUFFIXES", "describe_unread", "explain_heic", "is_heic"]

RAW_SUFFIXES: Final = frozenset(
    (
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mrw", ".nef"),
        *(".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    )
)
"""Files of a camera's sensor, before it makes a picture of them."""

UNREAD_SUFFIXES: Final = RAW_SUFFIXES | {".heic", ".heif", ".hif", ".jxl"}
"""Photos of these formats must be read, or refused with a message, but not skipped."""

_HEIC_BRANDS: Final = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm"))
_AVIF_BRANDS: Final = frozenset((b"avif", b"avis"))
_JPEG_ADVICE: Final = "save it as JPEG"
_HEIC: Final = f"{_JPEG_ADVICE} (on an iPhone: Settings, Camera, Formats, Most Compatible)"
_RAW: Final = "give the JPEG that the camera wrote beside it, or export one"

_STARTS: Final = (
    (b"\xff\x0a", "JPEG XL", _JPEG_ADVICE),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", _JPEG_ADVICE),
    (b"FUJIFILMCCD-RAW", "RAW (Fujifilm)", _RAW),
    (b"IIU\0", "RAW (Panasonic)", _RAW),
    (b"IIRO", "RAW (Olympus)", _RAW),
    (b"IIRS", "RAW (Olympus)", _RAW),
    (b"MMOR", "RAW (Olympus)", _RAW),
    (b"FOVb", "RAW (Sigma)", _RAW),
    (b"\0MRM", "RAW (Minolta)", _RAW),
    (b"II\x1a\0\0\0HEAPCCDR", "RAW (Canon)", _RAW),
    (b"<svg", "SVG", "it is a drawing, not a photo"),
    (b"%PDF", "PDF", "save its picture as JPEG"),
    (
        b"\x1aE\xdf\xa3",
        "Matroska (a video)",
        "give a photo; `onlyme watch NAME VIDEO` takes videos",
    ),
)


def describe_unread(data: bytes, source: str) -> str:
    r"""Say in which format a file is that cannot be read here, and what to do; empty if unknown.

    Args:
        data: the file.
        source: its name, whose ending tells the RAW formats apart that are a kind of TIFF.

    >>> describe_unread(b"%PDF-1.7", "me.pdf")[:27]
    'is in the format PDF, which'
    """
    for start, name, advice in _STARTS:
        if data.startswith(start):
            return _say(name, advice)
    if data[4:8] == b"ftyp":
        brands = _list_brands(data)
        if b"crx " in brands:
            return _say("RAW (Canon)", _RAW)
        if is_heic(data):
            return ""
        if not brands & _AVIF_BRANDS:
            return _say("MP4 (a video)", "give a photo; `onlyme watch NAME VIDEO` takes videos")
    ending = "." + source.lower().rpartition(".")[2]
    if ending in RAW_SUFFIXES and data[:4] in {b"II*\0", b"MM\0*"}:
        # Pillow would read the thumbnail in it: a few pixels of a face.
        return _say("RAW", _RAW)
    return ""


def is_heic(data: bytes) -> bool:
    r"""Say whether a file is a photo as iPhones store it (HEIC, HEIF), which needs a library.

    >>> is_heic(b"\0\0\0\x18ftypheic"), is_heic(b"\0\0\0\x18ftypavif")
    (True, False)
    """
    if data[4:8] != b"ftyp":
        return False
    brands = _list_brands(data)
    return bool(brands & _HEIC_BRANDS) or (b"mif1" in brands and not brands & _AVIF_BRANDS)


def explain_heic() -> str:
    """Say that this computer lacks the library for HEIC, and what to do."""
    return (
        f"is in the format HEIC, which needs the extra `heic`: {explain_extra('heic')}; or {_HEIC}"
    )


def _list_brands(data: bytes) -> set[bytes]:
    """Return the kinds that a file of the family of MP4 says to be of."""
    return {data[8:12], *(data[at : at + 4] for at in range(16, min(len(data), 64), 4))}


def _say(name: str, advice: str) -> str:
    return f"is in the format {name}, which onlyme does not read; {advice}"
