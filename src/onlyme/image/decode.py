"""Decode a picture into a frame: upright, RGB, 8 bits.

A picture may be an attack. The order of the checks is the defence: the file's
kind and size are checked before it is read, only formats of a short list are
accepted, the picture's size is checked before a pixel is decoded, and every
exception of a decoder becomes an `ImageError`.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onlyme.errors import ImageError
from onlyme.image.files import describe_too_large, format_path, read_file
from onlyme.image.formats import describe_unread, explain_heic, is_heic
from onlyme.image.headers import CountedBytes, check_file, check_opened, check_size
from onlyme.types import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PIL import Image

    from onlyme.types import ImageLike

__all__ = ["FORMATS", "MAX_BYTES", "MAX_PIXELS", "VERSION", "check_frame", "decode"]

VERSION: Final = 3
"""Raise it when a change here or in `headers` turns the same picture into other pixels, or accepts
or refuses other pictures: cached embeddings are then made again."""

MAX_PIXELS: Final = 51_000_000
"""Width × height of the largest picture, by default: phones of 50 megapixels give 8192×6144."""

MAX_BYTES: Final = 64 * 2**20
"""Size of the largest file, by default."""

FORMATS: Final = (
    # Those that Pillow loads at once come first: a JPEG never pays for the rest.
    *("JPEG", "PNG", "GIF", "BMP", "DIB", "PPM"),
    *("WEBP", "TIFF", "AVIF", "JPEG2000", "ICO", "ICNS", "PSD", "PCX", "SGI", "QOI", "TGA"),
)
"""The formats that are decoded. Left out are formats that start another program (EPS), that
need other software (WMF, HDF5, GRIB, BUFR), and those that no camera writes."""

_HIGH_DEPTH: Final = ("I", "F")
_STRIP_PIXELS: Final = 2_000_000
_ORIENTATION: Final = 0x0112
_quiet_lock = threading.Lock()


def decode(image: ImageLike, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES) -> Frame:
    """Decode one picture.

    The EXIF orientation is applied. Transparent parts become white, as viewers
    show them; black would put a hard dark edge around a face. CMYK, grey and
    palette pictures become RGB, 16-bit values are scaled to 8 bits, and of an
    animation the first frame is used. Colour profiles are not applied, because
    the networks were trained on pictures that were read without them.

    Args:
        image: a path, the bytes of a file, a PIL image, or an RGB array
            uint8[h, w, 3], which is used as it is.
        max_pixels: the largest width × height.
        max_bytes: the largest file.

    Returns:
        The frame. Its source is the path as given, or `bytes`, `PIL image` or
        `array`.

    Raises:
        ImageError: the picture cannot be used. No other exception is raised.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("L", (3, 2), 200).save(file, "PNG")
        >>> decode(file.getvalue()).pixels.shape
        (2, 3, 3)
        >>> decode(b"no picture")
        Traceback (most recent call last):
        ...
        onlyme.ImageError: bytes: is not a picture that onlyme reads; save it as JPEG or PNG
    """
    if isinstance(image, np.ndarray):
        return Frame(_check_array(image, "array", max_pixels), "array")
    if isinstance(image, (bytes, bytearray, memoryview)):
        size = _count_bytes(image)
        if not size:
            raise ImageError("bytes", "is empty")
        if size > max_bytes:
            raise ImageError("bytes", describe_too_large(size, max_bytes))
        return Frame(_decode_bytes(bytes(image), "bytes", max_pixels), "bytes")
    if isinstance(image, (str, os.PathLike)):
        path = _read_path(image)
        data = read_file(path, max_bytes=max_bytes)
        source = format_path(path)
        return Frame(_decode_bytes(data, source, max_pixels), source)
    # An image of Pillow can only exist once Pillow was imported.
    pil = sys.modules.get("PIL.Image")
    if pil is not None and isinstance(image, pil.Image):
        return Frame(_decode_opened(image, "PIL image", max_pixels), "PIL image")
    if callable(getattr(type(image), "read", None)):
        raise ImageError(type(image).__name__, "is an open file; give its bytes: file.read()")
    if hasattr(type(image), "__array__"):
        raise ImageError(type(image).__name__, "is not an array of NumPy: numpy.asarray(image)")
    raise ImageError(
        type(image).__name__,
        "is not a picture; give a path, bytes, a PIL image or a uint8 RGB array",
    )


def check_frame(frame: Frame, *, max_pixels: int = MAX_PIXELS) -> Frame:
    """Check a frame that the caller made, and return it with contiguous pixels.

    Raises:
        ImageError: a value in it is wrong; the message names the frame's source.

    Example:
        >>> check_frame(Frame(np.zeros((2, 2, 5), np.uint8), "me"))
        Traceback (most recent call last):
        ...
        onlyme.ImageError: me: is uint8, 2×2×5; expected uint8, height×width×3, in RGB order
    """
    given: Any = frame.source  # a caller's frame need not keep to the declared types
    if not isinstance(given, str):
        raise ImageError("frame", "its source is not text")
    source = format_path(given)
    if not isinstance(frame.pixels, np.ndarray):
        raise ImageError(source, f"its pixels are no array but {type(frame.pixels).__name__}")
    at: Any = frame.at
    if isinstance(at, bool) or not isinstance(at, int | float | np.number) or not np.isfinite(at):
        raise ImageError(source, "its time is not a number of seconds")
    pixels = _check_array(frame.pixels, source, max_pixels)
    return frame if pixels is frame.pixels else replace(frame, pixels=pixels)


def _count_bytes(content: bytes | bytearray | memoryview) -> int:
    """Return how many bytes there are."""
    try:
        return content.nbytes if isinstance(content, memoryview) else len(content)
    except ValueError:
        raise ImageError("bytes", "was released before it was read") from None


def _read_path(given: str | os.PathLike[str]) -> str | bytes:
    """Return a path as text or bytes. A `__fspath__` is foreign code, so nothing is assumed."""
    try:
        return os.fspath(given)
    except Exception:  # noqa: BLE001 - a `__fspath__` may raise or return anything
        raise ImageError(type(given).__name__, "is not a usable path") from None


def _check_array(array: NDArray[Any], source: str, max_pixels: int) -> NDArray[np.uint8]:
    """Return an RGB array as it is, or refuse it. The methods of a subclass are not used."""
    array = np.asarray(array)
    shape = "×".join(map(str, array.shape)) or "no dimensions"
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ImageError(
            source,
            f"is {array.dtype}, {shape}; expected uint8, height×width×3, in RGB order"
            f"{_advise_conversion(array)}",
        )
    check_size(array.shape[1], array.shape[0], source, max_pixels)
    return np.ascontiguousarray(array)


def _advise_conversion(array: NDArray[Any]) -> str:
    """Return what to write to make an RGB array of this one; empty if that is not clear."""
    if array.dtype.kind == "f" and array.size:
        largest = np.max(array, initial=0.0, where=np.isfinite(array))
        scale = "255 * " if largest <= 1 else ""
        return f": ({scale}array).round().clip(0, 255).astype(numpy.uint8)"
    if array.dtype.kind == "b":
        return ": array * numpy.uint8(255)"
    if array.dtype.kind in "iu" and array.dtype != np.uint8 and array.size:
        if array.dtype.newbyteorder("=") == np.uint16 and array.max() > 255:
            return ": (array // 257).astype(numpy.uint8)"
        return ": array.clip(0, 255).astype(numpy.uint8)"
    if array.dtype != np.uint8:
        return ""
    if array.ndim == 2:
        return ": numpy.stack([array] * 3, axis=-1)"
    if array.ndim == 3 and array.shape[2] == 4:
        return ": array[..., :3]"
    if array.ndim == 3 and array.shape[2] == 1:
        return ": array.repeat(3, axis=2)"
    if array.ndim == 3 and array.shape[0] == 3:
        return ": array.transpose(1, 2, 0)"
    return ": one picture at a time" if array.ndim == 4 else ""


def _decode_bytes(data: bytes, source: str, max_pixels: int) -> NDArray[np.uint8]:
    from PIL import Image

    if unread := describe_unread(data, source):
        raise ImageError(source, unread)
    check_file(data, source, max_pixels)
    with _raise_image_errors(source):
        with _silence_warnings(), _raise_pillows_limit(max_pixels):
            file = CountedBytes(data, source)
            if is_heic(data):
                opened: Image.Image = _open_heic(file)
            else:
                opened = Image.open(file, formats=_list_formats())
        with opened:
            progressive = bool(opened.info.get("progressive"))
            check_opened(*opened.size, data, source, max_pixels, progressive=progressive)
            return _decode_opened(opened, source, max_pixels)


def _open_heic(file: CountedBytes) -> Image.Image:
    """Open a photo as iPhones store it; its size is known then, and no pixel is decoded.

    The library turns the picture upright. It is not added to Pillow's own formats: those belong
    to the whole process.
    """
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise ImageError(file.source, explain_heic()) from None
    opened: Image.Image = HeifImageFile(file)  # type: ignore[no-untyped-call]  # it has no types
    return opened


@cache
def _list_formats() -> tuple[str, ...]:
    """Return the formats to try: without AVIF where Pillow is older than 11.3."""
    from importlib.util import find_spec

    if find_spec("PIL.AvifImagePlugin") is None:
        return tuple(name for name in FORMATS if name != "AVIF")
    return FORMATS


def _decode_opened(image: Image.Image, source: str, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a picture that Pillow has opened, strip by strip, into an upright array.

    Apart from Pillow's own copy only the result is in memory: at 50 megapixels
    one more copy would take 200 MB.
    """
    with _raise_image_errors(source):
        is_pillows = type(image).__module__.startswith("PIL.")
        # A picture that the caller opened with another plug-in is decoded by that plug-in.
        if is_pillows and image.format not in (None, "MPO", *FORMATS):
            raise ImageError(source, f"is in the format {image.format}, which onlyme does not read")
        check_size(*image.size, source, max_pixels)
        # Only TIFF reads headers, and so may warn, while it loads.
        with _prepare_tiff(max_pixels) if image.format == "TIFF" else nullcontext():
            image.load()
        width, height = image.size  # a few formats correct it while loading
        check_size(width, height, source, max_pixels)
        orientation = _read_orientation(image)
        turned = orientation >= 5
        pixels = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
        upright = _make_stored_view(pixels, orientation)
        scale = _find_full_scale(image)
        rows = max(1, _STRIP_PIXELS // width)
        for top in range(0, height, rows):
            bottom = min(height, top + rows)
            upright[top:bottom] = _convert_to_rgb(image.crop((0, top, width, bottom)), scale)
        return pixels


def _read_orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none or it is invalid."""
    try:
        with _silence_warnings():
            value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - broken EXIF data raises nearly anything, and the picture is fine
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _make_stored_view(upright: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return a view of the upright array with the rows and columns of the stored picture."""
    view = upright.transpose(1, 0, 2) if orientation >= 5 else upright
    flip_rows = orientation in (3, 4, 7, 8)
    flip_columns = orientation in (2, 3, 6, 7)
    if orientation >= 5:
        # In the transposed view the stored rows run along the upright columns.
        flip_rows, flip_columns = orientation in (6, 7), orientation in (7, 8)
    view = view[::-1] if flip_rows else view
    return view[:, ::-1] if flip_columns else view


def _find_full_scale(image: Image.Image) -> float:
    """Return the value of white in a picture with more than 8 bits a value; 255 otherwise.

    In a 16-bit picture it is known. A picture of 32-bit integers or floats does not name
    its white, so the smallest usual range that holds its largest value is used.
    """
    if image.mode.startswith("I;16"):
        return 65535.0
    if image.mode not in _HIGH_DEPTH:
        return 255.0
    extrema: Any = image.getextrema()
    largest = float(extrema[1])
    ranges = (1.0, 255.0) if image.mode == "F" else (65535.0,)
    return next((limit for limit in ranges if largest <= limit), max(65535.0, largest))


def _convert_to_rgb(strip: Image.Image, scale: float) -> NDArray[np.uint8]:
    """Convert a strip of any mode to uint8[h, w, 3] RGB."""
    if strip.mode == "RGB":
        return np.asarray(strip)
    if strip.mode.startswith("I;16") or strip.mode in _HIGH_DEPTH:
        values = np.asarray(strip).astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError("it holds values that are not numbers")
        grey = np.clip(np.rint(values * np.float32(255 / scale)), 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if strip.mode == "La":  # the one mode that Pillow cannot convert to RGBA directly
        strip = strip.convert("LA")
    if strip.has_transparency_data:
        rgba = np.asarray(strip.convert("RGBA"))
        alpha = rgba[:, :, 3:].astype(np.uint16)
        over_white = rgba[:, :, :3] * alpha + 255 * (255 - alpha)
        return ((over_white + 127) // 255).astype(np.uint8)
    return np.asarray(strip.convert("RGB"))


@contextmanager
def _raise_image_errors(source: str) -> Iterator[None]:
    """Turn every exception of a decoder into an `ImageError` that names the source."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError:
        raise ImageError(source, "is too large for this computer's memory") from None
    except Exception as error:  # noqa: BLE001 - decoders of hostile files raise nearly anything
        raise ImageError(source, _describe_cause(error)) from None


def _describe_cause(error: Exception) -> str:
    """Describe a decoder's exception in words."""
    name = type(error).__name__
    if name == "UnidentifiedImageError":
        return "is not a picture that onlyme reads; save it as JPEG or PNG"
    if name == "DecompressionBombError":
        return "has too many pixels"
    if "image file is truncated" in str(error):
        return "is cut off: the file ends before the picture does; copy or download it again"
    text = "".join(sign if sign.isprintable() else " " for sign in str(error))[:120].strip()
    return f"is broken or cut off ({text or name})"


@contextmanager
def _silence_warnings() -> Iterator[None]:
    """Hide the decoder's warnings about unusual but harmless files.

    The warning filters belong to the whole process, so a lock is needed. It is
    held only while headers are read, never while pixels are decoded.
    """
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _raise_pillows_limit(max_pixels: int) -> Iterator[None]:
    """Let Pillow open a picture of the size that the user allows; it refuses 179 megapixels.

    Its limit belongs to the whole process. So it is raised only where the setting needs it,
    and while `_silence_warnings` holds the lock.
    """
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    if limit is None or max_pixels <= limit:
        yield
        return
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def _prepare_tiff(max_pixels: int) -> Iterator[None]:
    from onlyme.image.libtiff import silence_libtiff  # other pictures need no ctypes

    with _silence_warnings(), _raise_pillows_limit(max_pixels), silence_libtiff():
        yield
