"""Test that `decode` returns an upright RGB frame or raises ImageError, for every argument."""

import io
import os
import pickle
import socket
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onlyme.errors import ImageError
from onlyme.image.decode import FORMATS, decode

# What is drawn in the tests: four quarters, so that no turn or flip maps it to itself.
RED, GREEN, BLUE, GREY = (250, 10, 20), (15, 240, 25), (20, 30, 245), (120, 130, 140)


def quarters(width: int = 48, height: int = 32) -> Image.Image:
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    picture.paste(GREY, (width // 2, height // 2, width, height))
    return picture


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """The colours of the four quarters, read in their middles."""
    h, w = pixels.shape[:2]
    places = [
        (h // 4, w // 4),
        (h // 4, 3 * w // 4),
        (3 * h // 4, w // 4),
        (3 * h // 4, 3 * w // 4),
    ]
    return [tuple(int(v) for v in pixels[place]) for place in places]


def close(found: list[tuple[int, ...]], expected: list[tuple[int, ...]], within: int) -> bool:
    return bool(np.abs(np.subtract(found, expected)).max() <= within)


@pytest.mark.parametrize(
    ("kind", "within"),
    [
        *[(kind, 0) for kind in ("PNG", "BMP", "DIB", "PPM", "TIFF", "ICO", "TGA", "PCX", "SGI")],
        *[(kind, 12) for kind in ("JPEG", "MPO", "WEBP", "GIF", "AVIF", "JPEG2000")],
    ],
)
def test_every_usual_format(kind: str, within: int) -> None:
    options = {"sizes": [(48, 32)]} if kind == "ICO" else {}
    frame = decode(encoded(quarters(), kind, **options))
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.shape == (32, 48, 3)
    assert frame.pixels.flags.c_contiguous
    assert frame.source == "bytes"
    assert frame.at == 0.0
    assert close(corners(frame.pixels), [RED, GREEN, BLUE, GREY], within)


def test_every_way_in_gives_the_same(tmp_path: Path) -> None:
    data = encoded(quarters(), "PNG")
    file = tmp_path / "me.png"
    file.write_bytes(data)
    array = np.array(quarters())
    ways = [str(file), file, data, bytearray(data), memoryview(data), quarters(), array]
    frames = [decode(way) for way in ways]
    for frame in frames:
        assert np.array_equal(frame.pixels, array)
    assert [frame.source for frame in frames] == [
        str(file), str(file), "bytes", "bytes", "bytes", "PIL image", "array",
    ]  # fmt: skip
    with Image.open(file) as opened:  # lazily opened, not yet loaded
        assert np.array_equal(decode(opened).pixels, array)


TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", TURNS)
def test_orientation_is_applied(orientation: int, kind: str) -> None:
    turn = TURNS[orientation]
    stored = quarters() if turn is None else quarters().transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    frame = decode(encoded(stored, kind, exif=exif))
    assert frame.pixels.shape == (32, 48, 3)
    assert close(corners(frame.pixels), [RED, GREEN, BLUE, GREY], 12)


def test_a_turned_picture_larger_than_one_strip() -> None:
    size = (1500, 2100)  # 3.15 megapixels: two strips
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    for orientation, turn in TURNS.items():
        stored = Image.fromarray(noise)
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = stored if turn is None else stored.transpose(turn)
        data = encoded(stored, "PNG", exif=exif, compress_level=0)
        assert np.array_equal(decode(data).pixels, noise), orientation


def test_nonsense_in_the_orientation_leaves_the_picture() -> None:
    for value in (0, 9, 65535, "six"):
        picture = quarters()
        picture.getexif()[0x0112] = value  # type: ignore[assignment]  # wrong on purpose
        assert close(corners(decode(picture).pixels), [RED, GREEN, BLUE, GREY], 0)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "La", "RGBa"])
def test_transparent_parts_are_laid_on_white(mode: str) -> None:
    clear = Image.new("RGBA", (8, 4), (10, 20, 30, 0))
    half = Image.new("RGBA", (8, 4), (0, 0, 0, 128))
    if mode == "P":
        clear = clear.convert("RGB").quantize(4)
        clear.info["transparency"] = 0
    elif mode == "La":
        clear = clear.convert("LA").convert(mode)
    else:
        clear, half = clear.convert(mode), half.convert(mode)
    assert (decode(clear).pixels == 255).all()
    if mode in ("RGBA", "LA"):
        assert (decode(half).pixels == 127).all()


def test_grey_and_cmyk_and_the_rest() -> None:
    for mode, colour, expected in [
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("YCbCr", (255, 128, 128), (255, 255, 255)),
        ("HSV", (0, 255, 255), (255, 0, 0)),
        ("I;16", 65535, (255, 255, 255)),
        ("I;16", 257 * 77, (77, 77, 77)),
        ("I", 257 * 77, (77, 77, 77)),
        ("I", 2**31 - 1, (255, 255, 255)),
        ("F", 1.0, (255, 255, 255)),
        ("F", 200.0, (200, 200, 200)),
    ]:
        pixels = decode(Image.new(mode, (5, 3), colour)).pixels
        assert pixels.shape == (3, 5, 3)
        assert tuple(int(v) for v in pixels[1, 1]) == expected, (mode, colour)


def test_cmyk_jpeg_keeps_its_colours() -> None:
    data = encoded(quarters().convert("CMYK"), "JPEG")
    assert close(corners(decode(data).pixels), [RED, GREEN, BLUE, GREY], 12)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256 * 4).astype(np.uint16).reshape(4, 256)
    for kind in ("PNG", "TIFF"):
        grey = decode(encoded(Image.fromarray(ramp), kind)).pixels[:, :, 0]
        assert np.abs(grey.astype(float) - ramp / 257).max() <= 0.51


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_counts(kind: str) -> None:
    rest = [Image.new("RGB", (48, 32), "black")] * 3
    data = encoded(quarters(), kind, save_all=True, append_images=rest)
    assert close(corners(decode(data).pixels), [RED, GREEN, BLUE, GREY], 12)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((4, 4, 3), np.float32), "float32, 4×4×3; expected uint8"),
        (np.zeros((4, 4), np.uint8), "uint8, 4×4; expected"),
        (np.zeros((4, 4, 4), np.uint8), "uint8, 4×4×4; expected"),
        (np.zeros((3, 4, 4), np.uint8), "expected uint8, height×width×3"),
        (np.zeros((1, 4, 4, 3), np.uint8), "1×4×4×3"),
        (np.zeros((), np.uint8), "no dimensions"),
        (np.zeros((0, 4, 3), np.uint8), "so it is empty"),
        (np.array([None]), "object"),
        (
            np.broadcast_to(np.zeros(3, np.uint8), (8000, 8000, 3)),
            "64 megapixels; the limit is 51 (setting max_megapixels)",
        ),
    ],
)
def test_only_uint8_rgb_arrays(array: np.ndarray, says: str) -> None:
    with pytest.raises(ImageError, match=r"^array: ") as caught:
        decode(array)
    assert says in caught.value.cause


def test_arrays_come_out_contiguous_and_unchanged() -> None:
    array = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    frame = decode(array[::-1, ::2])
    assert frame.pixels.flags.c_contiguous
    assert np.array_equal(frame.pixels, array[::-1, ::2])
    assert decode(array).pixels is array or np.shares_memory(decode(array).pixels, array)


@pytest.mark.parametrize("thing", [None, 7, 3.5, [1, 2], {}, object(), True])
def test_what_is_no_picture_at_all(thing: object) -> None:
    with pytest.raises(ImageError, match="give a path, bytes, a PIL image or a uint8 RGB array"):
        decode(thing)  # type: ignore[arg-type]  # wrong on purpose


def test_paths_that_hold_no_file(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jpg"
    empty.touch()
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    loop = tmp_path / "loop.jpg"
    loop.symlink_to(loop)
    address = tmp_path / "socket.jpg"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
        for path, says in [
            (empty, "is empty"),
            (pipe, "is a pipe"),
            (tmp_path, "is a folder"),
            (Path("/dev/zero"), "is a device"),
            (Path("/dev/null"), "is a device"),
            (tmp_path / "none.jpg", "no such file"),
            (empty / "below.jpg", "cannot be read"),
            (loop, "cannot be read"),
            (address, "is a socket"),
            ("a\0b", "is not a valid path"),
            ("x" * 5000, "cannot be read"),
            ("", "no such file"),
            ("http://example.org/me.jpg", "is an address on a network"),
        ]:
            began = time.perf_counter()
            with pytest.raises(ImageError, match=says) as caught:
                decode(path)
            assert time.perf_counter() - began < 10  # a pipe would be waited for without end
            assert len(caught.value.source) <= 200
            assert caught.value.source.isprintable()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "private.jpg"
    file.write_bytes(encoded(quarters(), "JPEG"))
    file.chmod(0)
    with pytest.raises(ImageError, match="may not be read by this user"):
        decode(file)


def test_the_limits_are_kept(tmp_path: Path) -> None:
    data = encoded(quarters(), "PNG")
    file = tmp_path / "me.png"
    file.write_bytes(data)
    for image in (data, file):
        assert decode(image, max_pixels=48 * 32, max_bytes=len(data)).pixels.shape == (32, 48, 3)
        with pytest.raises(
            ImageError, match=r"48×32 pixels; that is 0.00154 megapixels; the limit is 0.00153 "
        ):
            decode(image, max_pixels=48 * 32 - 1)
        with pytest.raises(ImageError, match=r"\d bytes; the limit is \d+ bytes"):
            decode(image, max_bytes=len(data) - 1)
    sparse = tmp_path / "sparse.png"
    with sparse.open("wb") as hole:
        hole.truncate(2**40)  # a terabyte of nothing
    with pytest.raises(ImageError, match="1048576 MB; the limit is 64 MB"):
        decode(sparse)


def test_a_path_in_a_message_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        decode(tmp_path / "\x1b[2Jgone\n.jpg")
    assert str(caught.value).isprintable()


def test_formats_that_start_programs_are_not_opened() -> None:
    assert not {"EPS", "WMF", "MPEG", "BUFR", "GRIB", "HDF5", "FITS"} & set(FORMATS)
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    with pytest.raises(ImageError, match="not a picture that onlyme reads; save it as JPEG or PNG"):
        decode(script)
    with (
        Image.open(io.BytesIO(script)) as opened,
        pytest.raises(ImageError, match="is in the format EPS, which onlyme does not read"),
    ):
        decode(opened)


def test_odd_files_neither_warn_nor_fail_when_warnings_are_errors() -> None:
    broken_exif = b"Exif\0\0II*\0\x08\0\0\0\xff\0\x12\x01\x03"
    data = encoded(quarters(), "JPEG", exif=broken_exif)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(data).pixels.shape == (32, 48, 3)


def test_error_survives_pickling() -> None:
    with pytest.raises(ImageError) as caught:
        decode(b"nothing")
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert type(again) is ImageError
    assert (again.source, again.cause, str(again)) == (
        "bytes", caught.value.cause, str(caught.value),
    )  # fmt: skip


def test_threads_decode_at_the_same_time() -> None:
    data = encoded(quarters(600, 400), "PNG")
    expected = np.array(quarters(600, 400))
    wrong: list[str] = []

    def work() -> None:
        wrong.extend("bad" for _ in range(20) if not np.array_equal(decode(data).pixels, expected))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ------------------------------------------------------------------ large pictures


def test_a_phone_of_fifty_megapixels_is_read() -> None:
    picture = Image.new("L", (8192, 6144), 90)
    assert decode(encoded_grey(picture)).pixels.shape == (6144, 8192, 3)


def encoded_grey(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=30)
    return file.getvalue()


def test_above_the_limit_the_message_names_unit_and_setting() -> None:
    data = encoded_grey(Image.new("L", (8700, 6000)))
    with pytest.raises(ImageError, match=r"52\.2? ?megapixels|52 megapixels") as caught:
        decode(data)
    assert "setting max_megapixels" in str(caught.value)
    assert "limit is 51 " in str(caught.value)


def test_the_setting_allows_more_than_pillow_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's own limit is 179 megapixels, and is as it was afterwards."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2_100_000)
    for kind in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"):
        file = io.BytesIO()
        Image.new("L", (3000, 2000), 90).save(file, kind)
        assert decode(file.getvalue(), max_pixels=6_000_000).pixels.shape == (2000, 3000, 3)
    assert Image.MAX_IMAGE_PIXELS == 2_100_000
